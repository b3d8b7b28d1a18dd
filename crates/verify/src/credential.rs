//! What a request shows to say who sends it, borrowed from the request, not judged yet.

use std::fmt;

/// The credential that a request shows.
///
/// `Debug` tells the kind alone: the text is a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PresentedCredential<'a> {
    /// No credential of a kind that the route reads.
    None,
    /// The text of a session token, from a cookie or as a bearer.
    SessionToken(&'a str),
    /// The text of an access token, from a cookie or as a bearer.
    AccessToken(&'a str),
}

impl PresentedCredential<'_> {
    /// Whether nothing is shown.
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

/// Which credential a principal came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A session token, judged by the issuer's own record.
    SessionToken,
    /// An access token, judged by its signature and the revocations.
    AccessToken,
}
