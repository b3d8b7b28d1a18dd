//! The user: a login name, a password hash, and the effect of changes on logins in progress.

use std::fmt;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, UserId};

use crate::credentials::password::PasswordHash;
use crate::model::external_id::ExternalId;
use crate::model::invisible::is_invisible;

/// A person who can log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The `sub` of their tokens. It never changes and is never assigned to another user.
    pub id: UserId,
    /// The login name.
    pub username: Username,
    /// The application's own id of the user, if it has given one. No other user has it.
    pub external_id: Option<ExternalId>,
    /// The epoch of the user in the application's own table, as it was last read there. `None`: the user is not in such a
    /// table.
    pub application_epoch: Option<u64>,
    /// The e-mail address. Before it is verified nothing is sent to it, and nothing is looked up by it.
    pub email: Option<String>,
    /// Whether the user has proved that they own the address.
    pub email_verified: bool,
    /// The hash of the password. Without one the user cannot log in by password.
    pub password: Option<PasswordHash>,
    /// The roles. `admin` is reserved; all others are defined by the application.
    pub roles: Vec<String>,
    /// When the user was disabled.
    pub disabled_at: Option<Time>,
    /// Raised by every change that a login in progress must not survive: password, roles, disabling,
    /// revocation.
    pub epoch: u64,
    /// The revocation cutoff: everything issued to this user below this log position is revoked.
    pub cutoff: RevocationPosition,
    /// When they were registered.
    pub created_at: Time,
    /// The number of changes.
    pub revision: u64,
}

impl User {
    /// The role of administrators. All other roles are defined by the application.
    pub const ADMINISTRATOR: &str = "admin";

    /// A user with this name and nothing else: no password, no roles, enabled.
    pub fn new(id: UserId, username: Username, created_at: Time) -> Self {
        Self {
            id,
            username,
            external_id: None,
            application_epoch: None,
            email: None,
            email_verified: false,
            password: None,
            roles: Vec::new(),
            disabled_at: None,
            epoch: 0,
            cutoff: RevocationPosition::START,
            created_at,
            revision: 0,
        }
    }

    /// The user with another password and the next epoch.
    pub fn with_password(&self, password: PasswordHash) -> Self {
        Self { password: Some(password), epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The user with the same password under another hash. The epoch stays.
    pub fn rehashed(&self, password: PasswordHash) -> Self {
        Self { password: Some(password), revision: self.revision + 1, ..self.clone() }
    }

    /// The user with these roles and the next epoch.
    pub fn with_roles(&self, roles: Vec<String>) -> Self {
        Self { roles, epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The user disabled since `now`, with the next epoch.
    pub fn disabled(&self, now: Time) -> Self {
        Self { disabled_at: Some(now), epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The user enabled again, with the next epoch. What was issued before stays revoked.
    pub fn enabled(&self) -> Self {
        Self { disabled_at: None, epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// The same user with the next epoch, so that logins in progress fail.
    pub fn next_epoch(&self) -> Self {
        Self { epoch: self.epoch + 1, revision: self.revision + 1, ..self.clone() }
    }

    /// Whether the user may log in and stay logged in.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether the user may administer the installation.
    pub fn is_administrator(&self) -> bool {
        self.is_enabled() && self.roles.iter().any(|role| role == Self::ADMINISTRATOR)
    }
}

/// A login name: 1 to 64 code points, with one canonical form for display and one for look-up.
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

/// A username that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// It is empty or too long.
    #[error("must have 1 to 64 characters")]
    Length,
    /// White space at either end, which people do not see.
    #[error("must not begin or end with white space")]
    Space,
    /// Invisible characters and characters that change the text direction: two names could look the same.
    #[error("must not contain control, zero-width or bidirectional characters")]
    Invisible,
    /// `@`, which would make it look like an e-mail address.
    #[error("must not contain @")]
    At,
}

impl Username {
    /// The form for display, in NFC.
    pub fn as_str(&self) -> &str {
        &self.display
    }

    /// The form for look-up: case folded, in NFC. It is unique among users.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The name with these two forms, as read from a store.
    pub fn from_stored(display: String, folded: String) -> Self {
        Self { display, folded }
    }
}

impl std::str::FromStr for Username {
    type Err = UsernameError;

    /// Computes the canonical forms of `text` and validates those, so that folding cannot produce a name that
    /// is not valid.
    fn from_str(text: &str) -> Result<Self, UsernameError> {
        // Far more than 64 code points in any normal form. Saves the work on megabytes of input.
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
    fn names_that_differ_in_case_or_composition_are_equal() {
        let folded = |text: &str| text.parse::<Username>().unwrap().folded().to_owned();

        assert_eq!(folded("Ada"), folded("aDA"));
        assert_eq!(folded("Zo\u{eb}"), folded("zoe\u{308}"));
        assert_eq!(folded("Straße"), folded("STRASSE"));
    }

    #[test]
    fn a_name_with_invisible_characters_is_rejected() {
        for bad in
            ["a\u{200b}da", "a\u{202e}da", "a\u{0}da", "a\nda", "\u{feff}ada", "a\u{3164}b", "a\u{ad}b"]
        {
            assert_eq!(bad.parse::<Username>(), Err(UsernameError::Invisible), "{bad:?}");
        }
    }

    #[test]
    fn the_length_is_validated_in_the_canonical_form() {
        assert!("e\u{301}".repeat(64).parse::<Username>().is_ok());
        // `ß` folds to two characters.
        assert_eq!("ß".repeat(33).parse::<Username>(), Err(UsernameError::Length));
        assert_eq!("".parse::<Username>(), Err(UsernameError::Length));
    }

    #[test]
    fn a_name_with_an_at_sign_or_outer_white_space_is_rejected() {
        assert_eq!("ada@example.org".parse::<Username>(), Err(UsernameError::At));
        assert_eq!(" ada".parse::<Username>(), Err(UsernameError::Space));
        assert_eq!("ada\u{a0}".parse::<Username>(), Err(UsernameError::Space));
    }
}
