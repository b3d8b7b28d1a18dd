//! The names of the cookies that a guarded host has of its own.

use crate::settings::issuer_url::IssuerUrl;

/// They are not affected by the options of the issuer's cookies: the prefix `__Host-` keeps other hosts of one domain from setting
/// them, so that none of them can log a user in as another one (cookie tossing; RFC 6265bis, section 8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostCookieNames {
    /// The cookie with the host token.
    pub(crate) token: &'static str,
    /// The cookie with the state of a login that has begun.
    pub(crate) state: &'static str,
}

impl HostCookieNames {
    /// The names for an issuer. Without TLS, on loopback, a browser accepts no such prefix.
    pub(crate) fn for_issuer(issuer: &IssuerUrl) -> Self {
        match issuer.is_secure() {
            true => Self { token: "__Host-forward", state: "__Host-forward-state" },
            false => Self { token: "counterfoil-forward", state: "counterfoil-forward-state" },
        }
    }
}
