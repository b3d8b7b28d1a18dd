//! The username: its canonical forms, and the rules for new names (RFC 8265, section 3.3: UsernameCaseMapped).

mod bidi_rule;
mod canonical;
mod identifier_class;
mod look_alike;
mod script_restriction;

use std::fmt;

use crate::model::invisible::is_invisible;
use crate::value_fault::ValueFault;

pub use canonical::{canonical_form, earlier_form, width_mapped};
pub use look_alike::{Skeletons, rules_version};
pub use script_restriction::ScriptRestriction;

/// The most code points of a username.
const MAX_CHARS: usize = 64;

/// More bytes than 64 code points have in any normal form. Saves the work on megabytes of input.
pub const MAX_BYTES: usize = 4096;

/// The most combining marks in a row: more than any orthography needs, and few enough not to cover other lines
/// (UTS 39, section 5.4).
const MAX_MARKS: usize = 4;

/// A login name: 1 to 64 code points, with one canonical form for display and one for look-up.
///
/// [`FromStr`](std::str::FromStr) makes a new name and applies every rule. Names that were stored under other rules keep
/// working: [`Username::from_stored`] and [`Username::of_application`].
///
/// ```
/// use counterfoil_core::model::user::Username;
///
/// let name: Username = "Zoë".parse()?;
/// assert_eq!(name.as_str(), "Zoë");
/// assert_eq!(name.folded(), "zoë");
/// assert_eq!("ＺＯＥ".parse::<Username>()?.folded(), "zoe");
/// assert!("root@example".parse::<Username>().is_err());
/// # Ok::<(), counterfoil_core::model::user::UsernameError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Username {
    display: String,
    folded: String,
}

/// A username that is not valid. The message says which rule it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// It is empty or too long.
    #[error("must have 1 to {MAX_CHARS} characters")]
    Length,
    /// A space that people do not see, or that they cannot tell from another one (RFC 8265, section 3.1).
    #[error("must have no space at its ends, and only single ordinary spaces (U+0020) between its parts")]
    Space,
    /// Invisible characters and characters that change the text direction: two names could look the same.
    #[error(
        "must not contain control, zero-width, blank, bidirectional, private-use or unassigned characters"
    )]
    Invisible,
    /// `@`, which would make it look like an e-mail address.
    #[error("must not contain @")]
    At,
    /// A character outside the IdentifierClass (RFC 8264, section 4.2): symbols, punctuation other than ASCII, and
    /// compatibility forms of other characters.
    #[error(
        "must not contain U+{code:04X}: use letters and digits of any script, ASCII punctuation, and spaces",
        code = *.0 as u32
    )]
    Character(char),
    /// A character that is valid only beside certain others (RFC 5892, appendix A).
    #[error(
        "must not contain U+{code:04X} here: it is valid only inside words of the script that needs it",
        code = *.0 as u32
    )]
    Context(char),
    /// Marks without a letter, or too many of them.
    #[error(
        "must not begin a word with a combining mark, repeat one, or have more than {MAX_MARKS} on one letter"
    )]
    Marks,
    /// Text of both directions, whose parts change places on the screen (RFC 5893, section 2).
    #[error(
        "must have one text direction: a right-to-left name has no left-to-right letters, begins with a letter, and ends \
         with a letter or a digit"
    )]
    Direction,
    /// Scripts that may not be used, or not together: [`ScriptRestriction`].
    #[error("{0}")]
    Scripts(ScriptRestriction),
}

impl From<UsernameError> for ValueFault {
    fn from(error: UsernameError) -> Self {
        match error {
            UsernameError::Length => Self::UsernameLength(MAX_CHARS),
            UsernameError::Space => Self::UsernameSpace,
            UsernameError::Invisible => Self::UsernameInvisible,
            UsernameError::At => Self::UsernameAt,
            UsernameError::Character(character) => Self::UsernameCharacter(character),
            UsernameError::Context(character) => Self::UsernameContext(character),
            UsernameError::Marks => Self::UsernameMarks,
            UsernameError::Direction => Self::UsernameDirection,
            UsernameError::Scripts(_) => Self::UsernameScripts,
        }
    }
}

impl Username {
    /// The form for display: width mapped, in NFC.
    pub fn as_str(&self) -> &str {
        &self.display
    }

    /// The form for look-up: width mapped, case folded, in NFC. It is unique among users.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The name with these two forms, as read from a store.
    pub fn from_stored(display: String, folded: String) -> Self {
        Self { display, folded }
    }

    /// A name from the table of an application, which decides itself which names it allows. Only names that people cannot
    /// see or that look like an address are refused, and names that differ in width stay different.
    ///
    /// # Errors
    ///
    /// [`UsernameError`] if it is empty, too long, contains `@` or an invisible character, or has a space at an end.
    pub fn of_application(text: &str) -> Result<Self, UsernameError> {
        if text.len() > MAX_BYTES {
            return Err(UsernameError::Length);
        }
        let (display, folded) = (canonical::composed(text), earlier_form(text));
        for form in [&display, &folded] {
            check_visible(form)?;
        }
        Ok(Self { display, folded })
    }

    /// What the name looks like: [`Skeletons`].
    pub fn skeletons(&self) -> Skeletons {
        Skeletons::new(&self.display, &self.folded)
    }
}

impl std::str::FromStr for Username {
    type Err = UsernameError;

    /// Computes the canonical forms of `text` and validates those, so that no mapping can produce a name that is not
    /// valid.
    fn from_str(text: &str) -> Result<Self, UsernameError> {
        if text.len() > MAX_BYTES {
            return Err(UsernameError::Length);
        }
        let (display, folded) = (canonical::display_form(text), canonical_form(text));
        for form in [&display, &folded] {
            check_visible(form)?;
            check_profile(form)?;
        }
        Ok(Self { display, folded })
    }
}

/// Checks the rules for every name, also for those of an application's table.
fn check_visible(form: &str) -> Result<(), UsernameError> {
    if !(1..=MAX_CHARS).contains(&form.chars().count()) {
        return Err(UsernameError::Length);
    }
    if form.trim() != form {
        return Err(UsernameError::Space);
    }
    if form.contains('@') {
        return Err(UsernameError::At);
    }
    if form.chars().any(is_invisible) {
        return Err(UsernameError::Invisible);
    }
    Ok(())
}

/// Checks the rules of the profile.
fn check_profile(form: &str) -> Result<(), UsernameError> {
    if form.contains("  ") || form.chars().any(|c| c.is_whitespace() && c != ' ') {
        return Err(UsernameError::Space);
    }
    if form.is_ascii() {
        return Ok(());
    }
    identifier_class::check(form)?;
    canonical::check_marks(form)?;
    bidi_rule::check(form)
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({:?})", self.display)
    }
}

#[cfg(test)]
mod tests;
