//! The user: a login name, a password hash, and the effect of changes on logins in progress.

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, UserId};

use crate::credentials::password::PasswordHash;
use crate::model::external_id::ExternalId;

pub use crate::model::username::{Username, UsernameError};

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
    /// The e-mail address, in its [canonical form](crate::model::email_address::canonical_form). Before it is verified
    /// nothing is sent to it, and nothing is looked up by it.
    pub email: Option<String>,
    /// Whether the user has proved that they own the address.
    pub email_verified: bool,
    /// The hash of the password. Without one the user cannot log in by password.
    pub password: Option<PasswordHash>,
    /// Whether the user is asked at each login to change the password: the system that the user was imported from had
    /// set a temporary one. A new password clears it.
    pub password_change_required: bool,
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
            password_change_required: false,
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
        Self {
            password: Some(password),
            password_change_required: false,
            epoch: self.epoch + 1,
            revision: self.revision + 1,
            ..self.clone()
        }
    }

    /// The user with the same password under another hash. The epoch stays, and so does a required change.
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
