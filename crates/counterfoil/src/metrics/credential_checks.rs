//! Metrics of the checks of credentials, and of the caches that answer for them.

use std::fmt;

use crate::app::App;
use crate::counters::{CHECK_RESULTS, CREDENTIAL_TYPES};
use crate::metrics::encoder::Encoder;

pub(super) fn encode(encoder: &mut Encoder<'_>, app: &App) -> fmt::Result {
    let checks = &app.parts.metrics.credential_checks;
    encoder.counters(
        "counterfoil_credential_checks",
        "Credentials checked, by type and result",
        |sample| {
            for (credential_type, type_name) in CREDENTIAL_TYPES.into_iter().enumerate() {
                for (result, result_name) in CHECK_RESULTS.into_iter().enumerate() {
                    let total = checks.total(credential_type, result);
                    sample(&[("type", type_name), ("result", result_name)], total)?;
                }
            }
            Ok(())
        },
    )?;
    let (hits, misses) = checks.cache_hits_and_misses();
    encoder.counters(
        "counterfoil_session_cache_requests",
        "Session tokens checked from the cache (hit) or from the store (miss)",
        |sample| {
            sample(&[("result", "hit")], hits)?;
            sample(&[("result", "miss")], misses)
        },
    )?;
    encoder.gauge(
        "counterfoil_session_cache_entries",
        "Sessions in the cache",
        app.parts.session_cache.len(),
    )?;
    let tokens = app.parts.verifier.token_verifier();
    encoder.counter(
        "counterfoil_token_cache_misses",
        "Access tokens whose signature was verified because they were not in the cache",
        tokens.verified_signatures(),
    )?;
    encoder.gauge("counterfoil_token_cache_entries", "Access tokens in the cache", tokens.cached_tokens())
}
