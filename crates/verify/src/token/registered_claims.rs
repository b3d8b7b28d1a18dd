//! The registered claims that are checked in every token, whether this issuer or another one wrote it.

use counterfoil_jose::Time;

/// The registered claims of RFC 7519 that a verifier checks.
pub(crate) struct RegisteredClaims<'a> {
    pub(crate) iss: Option<&'a str>,
    pub(crate) aud: &'a [String],
    pub(crate) iat: Time,
    pub(crate) nbf: Option<Time>,
    pub(crate) exp: Time,
}
