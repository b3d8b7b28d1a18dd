//! Metrics of the cache that processes share. Without one nothing is counted, and the alerts are silent.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use counterfoil_core::store::session_cache::shared::SharedCacheMetrics;

use crate::metrics::encoder::Encoder;

pub(super) fn encode(encoder: &mut Encoder<'_>, metrics: Option<&SharedCacheMetrics>) -> fmt::Result {
    let (is_connected, none) =
        (metrics.is_none_or(SharedCacheMetrics::is_connected), SharedCacheMetrics::default());
    let metrics = metrics.unwrap_or(&none);
    let total = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    encoder.gauge(
        "counterfoil_shared_cache_connected",
        "0 while sessions are read from the store because the shared cache does not answer, else 1",
        u64::from(is_connected),
    )?;
    encoder.counters(
        "counterfoil_shared_cache_requests",
        "Sessions looked up in the shared cache because they were not in memory, by result",
        |sample| {
            sample(&[("result", "hit")], total(&metrics.hits))?;
            sample(&[("result", "miss")], total(&metrics.misses))?;
            sample(&[("result", "outdated")], total(&metrics.outdated))?;
            sample(&[("result", "unverified")], total(&metrics.unverified))?;
            sample(&[("result", "unavailable")], total(&metrics.unavailable))
        },
    )?;
    encoder.counter(
        "counterfoil_shared_cache_timeouts",
        "Calls of the shared cache that took more than 100 ms",
        total(&metrics.timeouts),
    )?;
    encoder.counter(
        "counterfoil_shared_cache_errors",
        "Calls of the shared cache that failed",
        total(&metrics.errors),
    )?;
    encoder.counter(
        "counterfoil_shared_cache_dropped_writes",
        "Sessions not written to the shared cache, because too many writes waited or it did not answer",
        total(&metrics.dropped_writes),
    )?;
    encoder.counter(
        "counterfoil_shared_cache_connections",
        "Connections made to the shared cache",
        total(&metrics.connections),
    )
}
