//! A user: a name, a password hash, and what a change of either does to the logins.

use std::fmt;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use icu_properties::CodePointMapData;
use icu_properties::props::{BidiControl, GeneralCategory};

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, UserId};

use crate::credentials::password::PasswordHash;

/// Somebody who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The `sub` of their tokens: immutable, never reassigned.
    pub id: UserId,
    /// What they log in with.
    pub username: Username,
    /// An address they claim; nothing is sent to it and nothing is looked up by it before it is verified.
    pub email: Option<String>,
    /// Whether the address was proved to be theirs.
    pub email_verified: bool,
    /// What we keep of the password; without one nobody logs in by password.
    pub password: Option<PasswordHash>,
    /// What they may do, in words of the application; `admin` is ours.
    pub roles: Vec<String>,
    /// Since when they are locked out.
    pub disabled_at: Option<Time>,
    /// Raised by whatever must not be outlived by a login in flight: password, roles, disabling, revocation.
    pub epoch: u64,
    /// Everything they were given at or below this position of the log is dead.
    pub cutoff: RevocationPosition,
    /// When they were registered.
    pub created_at: Time,
    /// Counts the changes.
    pub revision: u64,
}

impl User {
    /// The role of administrators. It is ours; all other roles are words of the application.
    pub const ADMINISTRATOR: &str = "admin";

    /// The user with another password, one epoch on.
    pub fn with_password(&self, password: PasswordHash) -> Self {
        Self { password: Some(password), epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The user with the same password under better parameters: nothing else changes.
    pub fn rehashed(&self, password: PasswordHash) -> Self {
        Self { password: Some(password), revision: self.revision + 1, ..self.clone() }
    }

    /// The user with these roles, one epoch on.
    pub fn with_roles(&self, roles: Vec<String>) -> Self {
        Self { roles, epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The user locked out since `now`, one epoch on.
    pub fn disabled(&self, now: Time) -> Self {
        Self { disabled_at: Some(now), epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The user let in again, one epoch on. What they were given before stays dead.
    pub fn enabled(&self) -> Self {
        Self { disabled_at: None, epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The same user, one epoch on: a login in flight is not to survive.
    pub fn next_epoch(&self) -> Self {
        Self { epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// Whether they may log in and stay logged in.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether they may administer the installation.
    pub fn is_administrator(&self) -> bool {
        self.is_enabled() && self.roles.iter().any(|role| role == Self::ADMINISTRATOR)
    }
}

/// A name to log in with: 1 to 64 code points, in one canonical form for people and one for look-up.
///
/// ```
/// use counterfoil_core::model::user::Username;
///
/// let name: Username = "Zoë".parse()?;
/// assert_eq!(name.as_str(), "Zoë");
/// assert_eq!(name.folded(), "zoë");
/// assert!("root@example".parse::<Username>().is_err());
/// # Ok::<(), counterfoil_core::model::user::UsernameError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Username {
    display: String,
    folded: String,
}

/// What is wrong with a username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Nothing, or too much.
    #[error("must have 1 to 64 characters")]
    Length,
    /// White space at an end, where people do not see it.
    #[error("must not begin or end with white space")]
    Space,
    /// What cannot be seen or turns the text around: two names could look the same.
    #[error("must not contain control, zero-width or bidirectional characters")]
    Invisible,
    /// It would look like an e-mail address.
    #[error("must not contain @")]
    At,
}

impl Username {
    /// As it is shown: in NFC.
    pub fn as_str(&self) -> &str {
        &self.display
    }

    /// As it is looked up: case folded, in NFC. Unique among the users.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The name whose two forms a store kept.
    pub fn from_stored(display: String, folded: String) -> Self {
        Self { display, folded }
    }
}

impl std::str::FromStr for Username {
    type Err = UsernameError;

    /// Brings `text` into its canonical forms and judges *those*, so that nothing slips in by folding.
    fn from_str(text: &str) -> Result<Self, UsernameError> {
        // Far above 64 code points in any normal form; spares the work on megabytes.
        if text.len() > 4096 {
            return Err(UsernameError::Length);
        }
        let nfc = ComposingNormalizer::new_nfc();
        let display = nfc.normalize(text).into_owned();
        let folded = nfc.normalize(&CaseMapper::new().fold_string(&display)).into_owned();
        validate(&display)?;
        validate(&folded)?;
        Ok(Self { display, folded })
    }
}

fn validate(form: &str) -> Result<(), UsernameError> {
    if !(1..=64).contains(&form.chars().count()) {
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

/// Whether a person cannot see the character, or it turns the text around it.
fn is_invisible(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
    ) || icu_properties::CodePointSetData::new::<BidiControl>().contains(c)
        || icu_properties::CodePointSetData::new::<icu_properties::props::DefaultIgnorableCodePoint>()
            .contains(c)
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
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_or_composition_are_one() {
        let folded = |text: &str| text.parse::<Username>().unwrap().folded().to_owned();

        assert_eq!(folded("Ada"), folded("aDA"));
        assert_eq!(folded("Zo\u{eb}"), folded("zoe\u{308}"));
        assert_eq!(folded("Straße"), folded("STRASSE"));
    }

    #[test]
    fn a_name_that_cannot_be_seen_whole_is_refused() {
        for bad in
            ["a\u{200b}da", "a\u{202e}da", "a\u{0}da", "a\nda", "\u{feff}ada", "a\u{3164}b", "a\u{ad}b"]
        {
            assert_eq!(bad.parse::<Username>(), Err(UsernameError::Invisible), "{bad:?}");
        }
    }

    #[test]
    fn the_length_is_judged_in_the_canonical_form() {
        assert!("e\u{301}".repeat(64).parse::<Username>().is_ok());
        // One character that folds to two.
        assert_eq!("ß".repeat(33).parse::<Username>(), Err(UsernameError::Length));
        assert_eq!("".parse::<Username>(), Err(UsernameError::Length));
    }

    #[test]
    fn no_name_looks_like_an_address_or_hides_a_space() {
        assert_eq!("ada@example.org".parse::<Username>(), Err(UsernameError::At));
        assert_eq!(" ada".parse::<Username>(), Err(UsernameError::Space));
        assert_eq!("ada\u{a0}".parse::<Username>(), Err(UsernameError::Space));
    }
}
