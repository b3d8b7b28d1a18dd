//! The session: a login, as stored on the server, in every mode.

mod lifetime;
mod rotation;
#[cfg(any(test, feature = "conformance"))]
pub(crate) mod sample;

use std::net::IpAddr;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::client_error::InvalidCredential;
use crate::credentials::host_token::CredentialBinding;
use crate::credentials::refresh_token::{RefreshTokenKeyId, Salt};
use crate::credentials::session_token::{SessionToken, TokenHash};
use crate::model::status_index::StatusIndex;

pub use lifetime::TOUCH_INTERVAL;
pub(crate) use lifetime::touch_interval;
pub use rotation::{Crash, RefreshGracePeriod, RefreshOutcome};

/// A login, as stored on the server, whatever credential the client carries.
///
/// Every change makes a new value with the next `revision`, and a store replaces the former one only if its
/// revision is still current. Nothing here locks, waits or reads a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id: the `sid` of its tokens.
    pub id: SessionId,
    /// The user who logged in.
    pub user: UserId,
    /// The client that was used.
    pub client: ClientId,
    /// How the client's credential is verified.
    pub credential: SessionCredential,
    /// When the user authenticated (`auth_time`).
    pub authenticated_at: Time,
    /// How the user authenticated (`amr`, RFC 8176).
    pub amr: Vec<String>,
    /// The authentication context class (`acr`, RFC 9068, section 2.2.1), if it is known.
    pub acr: Option<String>,
    /// When it was last used, with a precision of [`TOUCH_INTERVAL`]. With refresh tokens: when they were
    /// last rotated.
    pub seen_at: Time,
    /// The idle timeout.
    pub idle: Duration,
    /// The absolute end, however much it is used.
    pub expires_at: Time,
    /// The head of the revocation log when the user authenticated (the claim `pos`). A revocation cutoff
    /// above it revokes the session.
    pub pos: RevocationPosition,
    /// The granted scope, if any. A refresh can narrow it, but never widen it.
    pub scope: Option<String>,
    /// The audience of its access tokens; `None`: the issuer itself. A refresh never changes it.
    pub audience: Option<String>,
    /// The client that last used it.
    pub client_info: ClientInfo,
    /// The user's name for the device.
    pub label: Option<String>,
    /// Its index in the status lists; `None` before its first access token that names one.
    pub status_index: Option<StatusIndex>,
    /// When and why it ended. An ended session is kept for a while to detect the reuse of refresh tokens.
    pub ended: Option<SessionEnd>,
    /// The number of changes.
    pub revision: u64,
}

/// How the credential of a session is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCredential {
    /// A session token, by the hash of its secret.
    Cookie(TokenHash),
    /// Access tokens only; no secret is stored.
    AccessOnly,
    /// A refresh token that is rotated.
    Refresh {
        /// The key that computes the MACs.
        key_id: RefreshTokenKeyId,
        /// The salt of the MACs.
        salt: Salt,
        /// The counter of the current token.
        counter: u64,
        /// When the current token was issued.
        rotated_at: Time,
    },
}

/// The client that sent a request, as the request describes it. Shown to the user; never used for
/// authorization.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// The IP address.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, truncated to 256 bytes, without control characters.
    pub user_agent: Option<String>,
}

/// When and why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnd {
    /// When it ended.
    pub at: Time,
    /// Why it ended.
    pub reason: EndReason,
}

/// Why something was revoked: the `reason` in the revocation log and in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The client logged out.
    Logout,
    /// The user ended it from another session.
    ByUser,
    /// An administrator ended it.
    ByAdmin,
    /// A used refresh token was presented again.
    RefreshReuseDetected,
    /// A new login in the same browser replaced it.
    Replaced,
    /// The user had more sessions than `max_sessions` allows, and this was the oldest.
    SessionLimit,
    /// The password was changed.
    PasswordChanged,
    /// The user was disabled or deleted.
    UserDisabled,
    /// The user changed in the application's own table.
    UserChanged,
    /// The user's roles were changed.
    RolesChanged,
    /// A key was compromised.
    KeyCompromised,
    /// The store was restored from a backup.
    Restored,
    /// It was not used for its idle timeout.
    Idle,
    /// It reached its absolute end.
    Absolute,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Logout,
        Self::ByUser,
        Self::ByAdmin,
        Self::RefreshReuseDetected,
        Self::Replaced,
        Self::SessionLimit,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::UserChanged,
        Self::RolesChanged,
        Self::KeyCompromised,
        Self::Restored,
        Self::Idle,
        Self::Absolute,
    ];

    /// Whether a session ends so by itself. No revocation has such a reason.
    pub const fn is_expiry(self) -> bool {
        matches!(self, Self::Idle | Self::Absolute)
    }

    /// The name, as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::ByUser => "by_user",
            Self::ByAdmin => "by_admin",
            Self::RefreshReuseDetected => "refresh_reuse_detected",
            Self::Replaced => "replaced",
            Self::SessionLimit => "session_limit",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::UserChanged => "user_changed",
            Self::RolesChanged => "roles_changed",
            Self::KeyCompromised => "key_compromised",
            Self::Restored => "restored",
            Self::Idle => "idle",
            Self::Absolute => "absolute",
        }
    }

    /// The end of the sentence "session ended …", for the log.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Logout => "by logout",
            Self::ByUser => "by the user",
            Self::ByAdmin => "by an administrator",
            Self::RefreshReuseDetected => "by reuse of a refresh token",
            Self::Replaced => "by a new login of the same browser",
            Self::SessionLimit => "by the limit of sessions of a user",
            Self::PasswordChanged => "by a change of the password",
            Self::UserDisabled => "by disabling or deleting the user",
            Self::UserChanged => "by a change of the user in the application",
            Self::RolesChanged => "by a change of the roles",
            Self::KeyCompromised => "by the revocation of a key",
            Self::Restored => "by restoring a backup",
            Self::Idle => "because it was not used",
            Self::Absolute => "at its longest lifetime",
        }
    }

    /// The reason with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl Session {
    /// Verifies a session token: it must belong to this session, and the session must be active.
    ///
    /// # Errors
    ///
    /// Why the token is not valid. The hash is compared first, so that an attacker without the secret learns
    /// nothing about the session.
    pub fn verify_token(&self, presented: &SessionToken, now: Time) -> Result<(), InvalidCredential> {
        let SessionCredential::Cookie(token_hash) = &self.credential else {
            return Err(InvalidCredential::WrongKind);
        };
        if self.id != presented.session() || !token_hash.matches(presented) {
            return Err(InvalidCredential::Unknown);
        }
        self.check_active(now)
    }

    /// The session with another credential, in use by this client since `now`. The former credential is invalid.
    pub fn with_credential(&self, credential: SessionCredential, client_info: ClientInfo, now: Time) -> Self {
        Self { credential, client_info, seen_at: now, revision: self.revision + 1, ..self.clone() }
    }

    /// The session with another name for the device, or without one.
    pub fn with_label(&self, label: Option<String>) -> Self {
        Self { label, revision: self.revision + 1, ..self.clone() }
    }

    /// The fingerprint of its session token; `None` in the other modes.
    pub const fn token_fingerprint(&self) -> Option<u64> {
        match &self.credential {
            SessionCredential::Cookie(token_hash) => Some(token_hash.fingerprint()),
            SessionCredential::AccessOnly | SessionCredential::Refresh { .. } => None,
        }
    }

    /// What its host tokens are bound to: a change of the password renews it. Nothing is stored of the credential of mode
    /// `jwt`, but its position in the revocation log moves then. A refresh changes nothing.
    pub fn credential_binding(&self) -> CredentialBinding {
        match &self.credential {
            SessionCredential::Cookie(token_hash) => CredentialBinding::of_session_token(token_hash),
            SessionCredential::AccessOnly => CredentialBinding::new(1, &self.pos.number().to_be_bytes()),
            SessionCredential::Refresh { salt, .. } => CredentialBinding::new(2, salt.as_bytes()),
        }
    }

    /// The mode of the session.
    pub fn mode(&self) -> Mode {
        self.credential.mode()
    }
}

impl SessionCredential {
    /// The mode of a session with this credential.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Cookie(_) => Mode::Session,
            Self::AccessOnly => Mode::Jwt,
            Self::Refresh { .. } => Mode::Hybrid,
        }
    }
}

/// The three modes of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Session-based authentication: an opaque token that is verified against the stored session.
    #[default]
    Session,
    /// JWT authentication: a signed token that is verified offline.
    Jwt,
    /// JWT authentication with refresh tokens.
    Hybrid,
}

impl Mode {
    /// The mode with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Session, Self::Jwt, Self::Hybrid].into_iter().find(|mode| mode.as_str() == name)
    }

    /// The name, as used in requests and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Hybrid => "hybrid",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::session::sample::{NOON, session_with};

    use super::*;

    #[test]
    fn the_secret_of_another_session_is_rejected() {
        let (mine, other) = (SessionId::from_bytes([9; 16]), SessionId::from_bytes([7; 16]));
        let token = SessionToken::generate(mine).unwrap();
        let session = session_with(SessionCredential::Cookie(token.hash()));
        assert_eq!(session.verify_token(&token, NOON), Ok(()));

        assert_eq!(
            session.verify_token(&SessionToken::generate(mine).unwrap(), NOON),
            Err(InvalidCredential::Unknown)
        );
        assert_eq!(
            session.verify_token(&SessionToken::generate(other).unwrap(), NOON),
            Err(InvalidCredential::Unknown)
        );
        assert_eq!(
            session_with(SessionCredential::AccessOnly).verify_token(&token, NOON),
            Err(InvalidCredential::WrongKind)
        );
    }
}
