//! The access token: a signed JWT (compact JWS) that resource servers verify offline.

use std::fmt;

/// A signed access token (RFC 9068). It is never stored.
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// Wraps a compact JWS that a signing key has just produced.
    pub(crate) fn signed(compact: String) -> Self {
        Self(compact)
    }

    /// The length in characters.
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
