//! Why somebody is not let in: what the client may learn, and what the log learns.

use counterfoil_jose::Rejection;

use crate::revocation::log::SubjectKind;

/// Nobody was let in.
///
/// The text of `Display` is for the client and the same for whatever is wrong with a credential
/// (RFC 6750, section 3.1); [`AuthError::reason`] is for the log.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No credential was shown.
    #[error("a credential is required")]
    MissingCredential,
    /// A credential was shown, and it is worth nothing.
    #[error("the credential is not valid")]
    InvalidCredential(InvalidReason),
    /// Two different credentials were shown; none is chosen by its place.
    #[error("more than one credential was shown")]
    MultipleCredentials,
    /// What is known of the revocations is too old to accept by it; nothing is said of the credential.
    #[error("revocations are not up to date")]
    StaleRevocations,
    /// The store could not be asked; nothing is said of the credential.
    #[error("the credential cannot be judged at present")]
    Unavailable,
    /// The principal is known, and may not do this.
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

    /// What is wrong with the credential, for the log and never for the client.
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

    /// Whether the token names a key that is not in the set, so that fetching the keys anew may help.
    pub fn is_unknown_key(&self) -> bool {
        matches!(self, Self::InvalidCredential(InvalidReason::Token(rejection)) if rejection.unknown_kid())
    }
}

impl From<InvalidReason> for AuthError {
    fn from(reason: InvalidReason) -> Self {
        Self::InvalidCredential(reason)
    }
}

/// What a route asks for and the principal has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequiredPermission {
    /// A scope (RFC 6749, section 3.3).
    Scope(Box<str>),
    /// A role.
    Role(Box<str>),
}

/// What is wrong with a credential. For the log: a client that learned it could try until it fits.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// The token's form, header, key or signature (RFC 7515).
    #[error("the token is refused: {0}")]
    Token(Rejection),
    /// The claims are not those of RFC 9068 as the issuer writes them.
    #[error("the claims cannot be read")]
    MalformedClaims,
    /// `iss` is not the configured issuer, byte for byte.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// `aud` does not hold this service.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("the token is issued in the future")]
    IssuedInFuture,
    /// `exp - iat` is more than the configured maximum, or less than nothing.
    #[error("the token has a lifetime that is not granted")]
    LifetimeNotAllowed,
    /// The log holds an entry that ends it.
    #[error("revoked: {0}")]
    Revoked(SubjectKind),
    /// The route, or the verifier, takes no credential of this kind.
    #[error("a credential of this kind is not taken here")]
    CredentialKindNotAccepted,
    /// The issuer's own record refuses it; the code says why.
    #[error("the record refuses it: {0}")]
    SessionRejected(&'static str),
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
            Self::Revoked(_) => "revoked",
            Self::CredentialKindNotAccepted => "kind",
            Self::SessionRejected(code) => code,
        }
    }
}
