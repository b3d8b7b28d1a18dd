//! Errors that the client caused. Errors of the server are [`InternalError`](crate::services::InternalError).

use std::time::Duration;

use counterfoil_verify::{InvalidReason, SubjectKind};

use crate::value_fault::ValueFault;

/// Why a credential is not valid. It is written to the logs; the client learns only that the credential is
/// not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// The text is not a credential.
    #[error("malformed")]
    Malformed,
    /// The session does not exist, or the secret part does not belong to it.
    #[error("unknown")]
    Unknown,
    /// The counter of a refresh token is higher than the stored one: the store is older than the token.
    #[error("ahead of the store")]
    AheadOfStore,
    /// The session has ended, with the end of the sentence "session ended …"; `None`: it ended while the request was processed.
    #[error("ended")]
    Ended(Option<&'static str>),
    /// The idle timeout has passed, or the absolute end is reached.
    #[error("expired")]
    Expired,
    /// A revocation cutoff of the user, the client or everyone is above the position of the session.
    #[error("revoked by a cutoff")]
    RevokedByCutoff,
    /// The user or the client is disabled.
    #[error("disabled")]
    Disabled,
    /// A used refresh token was presented again. Its session has ended.
    #[error("refresh token reuse detected")]
    RefreshReuseDetected,
    /// The session has another kind of credential.
    #[error("wrong kind")]
    WrongKind,
}

impl InvalidCredential {
    /// The code for logs and metrics. The client learns only that the credential is invalid.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::AheadOfStore => "ahead_of_store",
            Self::Ended(_) => "ended",
            Self::Expired => "expired",
            Self::RevokedByCutoff => "revoked_by_cutoff",
            Self::Disabled => "disabled",
            Self::RefreshReuseDetected => "refresh_reuse_detected",
            Self::WrongKind => "wrong_kind",
        }
    }
}

/// The reason in the words of the log.
impl From<InvalidCredential> for InvalidReason {
    fn from(reason: InvalidCredential) -> Self {
        let message = match reason {
            InvalidCredential::Ended(Some(reason)) => {
                return Self::RevokedBecause { subject: SubjectKind::Session, reason };
            }
            InvalidCredential::Ended(None) => return Self::Revoked(SubjectKind::Session),
            InvalidCredential::Malformed => "malformed: the text is not a credential",
            InvalidCredential::Unknown => "unknown: no session, or a wrong secret part",
            InvalidCredential::AheadOfStore => "unknown: the store is older than the refresh token",
            InvalidCredential::Expired => "expired: the session was idle for too long, or reached its end",
            InvalidCredential::RevokedByCutoff => {
                "revoked: all earlier credentials of the user, of the client or of everyone ended"
            }
            InvalidCredential::Disabled => "disabled: the user or the client is disabled",
            InvalidCredential::RefreshReuseDetected => "revoked: session ended by reuse of a refresh token",
            InvalidCredential::WrongKind => "wrong kind: the session has another kind of credential",
        };
        Self::RecordRejected { code: reason.code(), message }
    }
}

/// A request that is rejected because of the client.
///
/// Not `#[non_exhaustive]`: a new variant must find the place that chooses its status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The user does not exist, the password is wrong, or the user is disabled: one answer for all three.
    #[error("the name or the password is wrong")]
    LoginFailed(LoginFailure),
    /// The current password of a password change in a session is wrong, or the user has changed meanwhile. The session
    /// names the user, so the answer says which of the fields is wrong.
    #[error("the current password is wrong")]
    PasswordChangeFailed(LoginFailure),
    /// The credential is not valid.
    #[error("the credential is not valid: {0}")]
    Credential(InvalidCredential),
    /// The client application is unknown or disabled, or may not do this.
    #[error("the client may not do this: {0}")]
    Client(&'static str),
    /// The scope or the audience was not granted.
    #[error("not granted: {0}")]
    NotGranted(&'static str),
    /// The username exists already.
    #[error("the username already exists")]
    UsernameTaken,
    /// The named thing does not exist.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The id of a new record exists already.
    #[error("the {0} already exists")]
    AlreadyExists(&'static str),
    /// The user is the last administrator, who cannot be taken away.
    #[error("the user is the last administrator")]
    LastAdministrator,
    /// A field of the request is not valid.
    #[error("{field}: {detail}")]
    Field {
        /// The name of the field in the request.
        field: &'static str,
        /// What is wrong with it and what would be right.
        detail: String,
    },
    /// A new username or a new password is refused.
    #[error("{field}: {detail}")]
    RefusedValue {
        /// The name of the field in the request.
        field: &'static str,
        /// What is wrong with it and what would be right.
        detail: String,
        /// The same as a value.
        fault: ValueFault,
    },
    /// The session data is not in the state that the client expects.
    #[error("the session data has changed")]
    Precondition,
    /// The session data would exceed its limit.
    #[error("the session data would exceed its size limit")]
    TooLarge,
    /// Too many requests.
    #[error("{0}")]
    RateLimited(RateLimitReached),
}

/// Why a login or a password change failed. For the request log and the audit log only: an attacker who learned it would learn which users exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginFailure {
    /// There is no such user.
    #[error("no such user")]
    UnknownUser,
    /// The password is wrong, or the user has none.
    #[error("wrong password")]
    WrongPassword,
    /// The user is disabled.
    #[error("the user is disabled")]
    Disabled,
    /// The user or the client has changed during the login, or it took too long.
    #[error("the user or the client changed meanwhile")]
    Changed,
}

/// A rate limit that a request has reached. The client learns only when to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit is reached: {limit}")]
pub struct RateLimitReached {
    /// Which limit, for the log.
    pub limit: &'static str,
    /// When the client may retry.
    pub retry_after: Duration,
}

impl From<InvalidCredential> for ClientError {
    fn from(reason: InvalidCredential) -> Self {
        Self::Credential(reason)
    }
}
