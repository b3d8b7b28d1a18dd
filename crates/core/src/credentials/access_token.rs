//! The access token: a compact JWS that is verified without asking us.

use std::fmt;

/// A signed access token (RFC 9068), as it is handed over. Nothing of it is kept.
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// Wraps what a signing key has just made.
    pub(crate) fn signed(compact: String) -> Self {
        Self(compact)
    }

    /// How many characters it has.
    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}
