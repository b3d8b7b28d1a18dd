//! Why a request is not authenticated or not authorized: what the client learns, and what the log records.

use std::fmt;

use counterfoil_jose::JwsError;

use crate::failure_reason::FailureReason;
use crate::revocation::log::SubjectKind;

/// Why a request is not authenticated or not authorized.
///
/// The `Display` text is for the client. It is the same for every invalid credential (RFC 6750, section 3.1),
/// so that an attacker cannot learn which check failed. [`AuthError::reason`] is for the log.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The request presents no credential.
    #[error("a credential is required")]
    MissingCredential,
    /// The credential is invalid.
    #[error("the credential is not valid")]
    InvalidCredential(InvalidReason),
    /// The request presents two different credentials; the order never decides between them.
    #[error("more than one credential was presented")]
    MultipleCredentials,
    /// The known revocations are out of date; the credential may be valid.
    #[error("revocations are not up to date")]
    StaleRevocations,
    /// The store or the issuer cannot be asked; the credential may be valid.
    #[error("the credential cannot be verified at present")]
    Unavailable,
    /// The principal is known and lacks a permission.
    #[error("not allowed")]
    Forbidden(RequiredPermission),
}

impl AuthError {
    /// A short stable code for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingCredential => "missing",
            Self::InvalidCredential(reason) => reason.code(),
            Self::MultipleCredentials => "ambiguous",
            Self::StaleRevocations => "stale",
            Self::Unavailable => "unavailable",
            Self::Forbidden(RequiredPermission::Scope(_)) => "insufficient_scope",
            Self::Forbidden(RequiredPermission::Role(_)) => "insufficient_role",
        }
    }

    /// Why the credential is invalid. For the log only, never for the client.
    pub const fn reason(&self) -> Option<&InvalidReason> {
        match self {
            Self::InvalidCredential(reason) => Some(reason),
            Self::MissingCredential
            | Self::MultipleCredentials
            | Self::StaleRevocations
            | Self::Unavailable
            | Self::Forbidden(_) => None,
        }
    }

    /// The code and the message of the error, for the log.
    pub fn failure_reason(&self) -> FailureReason {
        let message = match self {
            Self::InvalidCredential(reason) => reason.to_string(),
            Self::Forbidden(required) => format!("{required} is required"),
            Self::MissingCredential
            | Self::MultipleCredentials
            | Self::StaleRevocations
            | Self::Unavailable => self.to_string(),
        };
        FailureReason::new(self.code(), message)
    }

    /// Whether the token names a key that is not in the key set, so that fetching the keys again may help.
    pub fn is_unknown_key(&self) -> bool {
        matches!(self, Self::InvalidCredential(InvalidReason::Token(rejection)) if rejection.is_unknown_key_id())
    }
}

impl From<InvalidReason> for AuthError {
    fn from(reason: InvalidReason) -> Self {
        Self::InvalidCredential(reason)
    }
}

/// The permission that a route requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequiredPermission {
    /// A scope (RFC 6749, section 3.3).
    Scope(Box<str>),
    /// A role.
    Role(Box<str>),
}

impl fmt::Display for RequiredPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => write!(f, "the scope {scope:?}"),
            Self::Role(role) => write!(f, "the role {role:?}"),
        }
    }
}

/// Why a credential is invalid. For the log only: a client that learned it could correct a forgery step by
/// step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// The token's format, header, key or signature is wrong (RFC 7515).
    #[error("{0}")]
    Token(JwsError),
    /// The claims are not those of RFC 9068 as the issuer writes them.
    #[error("the claims are malformed")]
    MalformedClaims,
    /// `iss` is not the configured issuer, byte for byte.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` does not contain this service.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp - iat` is negative or longer than the configured maximum.
    #[error("the lifetime of the token is not allowed")]
    LifetimeNotAllowed,
    /// The revocation log contains an entry that revokes the credential.
    #[error("revoked: {}", .0.effect())]
    Revoked(SubjectKind),
    /// It is revoked, and the issuer knows why.
    #[error("revoked: {} {reason}", .subject.effect())]
    RevokedBecause {
        /// The kind of entry that revokes it.
        subject: SubjectKind,
        /// Why, as the end of a sentence: `by logout`.
        reason: &'static str,
    },
    /// The route or the verifier does not accept this kind of credential.
    #[error("this kind of credential is not accepted here")]
    CredentialKindNotAccepted,
    /// The issuer's record of the session or of the key rejects the credential.
    #[error("{message}")]
    RecordRejected {
        /// A short stable code.
        code: &'static str,
        /// Why.
        message: &'static str,
    },
}

impl InvalidReason {
    /// A short stable code for the log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(rejection) => rejection.code(),
            Self::MalformedClaims => "claims",
            Self::WrongIssuer => "issuer",
            Self::WrongAudience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeNotAllowed => "lifetime",
            Self::Revoked(_) | Self::RevokedBecause { .. } => "revoked",
            Self::CredentialKindNotAccepted => "kind",
            Self::RecordRejected { code, .. } => code,
        }
    }
}
