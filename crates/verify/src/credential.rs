//! The credential that a request presents, before it is verified, and the kinds of credential.

use std::fmt;

/// The credential that a request presents, borrowed from the request and not verified.
///
/// `Debug` shows only the kind, because the text is a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PresentedCredential<'a> {
    /// No credential of a kind that the route accepts.
    None,
    /// The text of a session token, from a cookie or a bearer header.
    SessionToken(&'a str),
    /// The text of an access token, from a cookie or a bearer header.
    AccessToken(&'a str),
}

impl PresentedCredential<'_> {
    /// Whether no credential is presented.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl fmt::Debug for PresentedCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::SessionToken(_) => "SessionToken(..)",
            Self::AccessToken(_) => "AccessToken(..)",
        })
    }
}

/// The kind of credential that authenticated a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A session token, verified against the issuer's session record.
    SessionToken,
    /// An access token, verified by its signature, its claims and the revocations.
    AccessToken,
}
