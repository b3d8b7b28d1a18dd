//! What a request shows to say who sends it, borrowed from the request, not judged yet.

use std::fmt;

/// The credential that a request shows.
///
/// `Debug` tells the kind alone: the text is a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No credential of a kind that the route reads.
    None,
    /// The text of a session token, from a cookie or as a bearer.
    Session(&'a str),
    /// The text of an access token, from a cookie or as a bearer.
    Access(&'a str),
}

impl Presented<'_> {
    /// Whether nothing is shown.
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Session(_) => "Session(..)",
            Self::Access(_) => "Access(..)",
        })
    }
}

/// Which credential a principal came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A session token, judged by the issuer's own record.
    SessionToken,
    /// An access token, judged by its signature and the revocations.
    AccessToken,
}
