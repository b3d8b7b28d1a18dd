//! Warnings about settings that are valid but weak, with the reason; `check` prints them.

use counterfoil::Settings;

use crate::configuration::Configuration;
use crate::configuration::diagnostic::Diagnostic;

pub(crate) mod contradictions;
mod credentials;
mod exposure;
mod forward_auth;
mod rate_limits;

pub(crate) use exposure::unnamed_proxy;

/// One check: a warning, or `None`.
type Check = fn(&Configuration, &Settings) -> Option<Diagnostic>;

/// Every check, independent of the others.
const CHECKS: [&[Check]; 5] = [
    contradictions::CHECKS,
    exposure::CHECKS,
    credentials::CHECKS,
    forward_auth::CHECKS,
    rate_limits::CHECKS,
];

/// All warnings about valid settings.
pub(crate) fn warnings(configuration: &Configuration, settings: &Settings) -> Vec<Diagnostic> {
    let found = CHECKS.into_iter().flatten().filter_map(|check| check(configuration, settings));
    configuration.renamed_variables().iter().cloned().chain(found).collect()
}

/// A warning about `key` if `is_weak`.
fn warn_if(is_weak: bool, key: &str, message: &str, hint: &str) -> Option<Diagnostic> {
    is_weak.then(|| Diagnostic::combination(key, message, hint))
}
