//! What requests of forward authentication share.

use counterfoil_verify::OriginPolicy;

use crate::keys::forward_assertions::ForwardAssertions;
use crate::limits::forward_auth_rate::ForwardAuthRateLimiter;
use crate::limits::warning_rate::WarningRate;
use crate::settings::Settings;
use crate::settings::cookie_options::Cookies;
use crate::settings::guarded_origins::GuardedOrigins;
use crate::settings::host_cookie_names::HostCookieNames;

/// The guarded applications, the limits, and what was signed for them.
pub(crate) struct ForwardAuth {
    pub(crate) origins: GuardedOrigins,
    /// The names of the cookies at guarded hosts.
    pub(crate) cookie_names: HostCookieNames,
    pub(crate) rate_limiter: ForwardAuthRateLimiter,
    pub(crate) assertions: ForwardAssertions,
    /// By the `code` of the problem.
    pub(crate) warnings: WarningRate<&'static str>,
}

impl ForwardAuth {
    /// Uses the settings. `origins` says which origins may write to the issuer.
    pub(crate) fn for_settings(settings: &Settings, origins: &OriginPolicy, cookies: &Cookies) -> Self {
        Self {
            origins: GuardedOrigins::for_settings(settings, origins, cookies),
            cookie_names: HostCookieNames::for_issuer(&settings.issuer),
            rate_limiter: ForwardAuthRateLimiter::for_settings(settings),
            assertions: ForwardAssertions::default(),
            warnings: WarningRate::default(),
        }
    }
}
