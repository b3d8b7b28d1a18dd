//! The registered claims that are checked in every token, whether this issuer or another one wrote it.

/// The registered claims of RFC 7519 that a verifier checks.
pub(crate) struct RegisteredClaims<'a> {
    pub(crate) iss: Option<&'a str>,
    pub(crate) aud: &'a [String],
    /// In Unix seconds, as `nbf` and `exp`.
    pub(crate) iat: u64,
    pub(crate) nbf: Option<u64>,
    pub(crate) exp: u64,
}
