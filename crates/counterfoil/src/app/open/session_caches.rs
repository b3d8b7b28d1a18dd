//! The caches of sessions, which receive every commit.

use std::num::NonZeroU32;
use std::sync::Arc;

use counterfoil_core::store::session_cache::MemorySessionCache;
use counterfoil_core::store::session_cache::shared::SharedSessions;
use counterfoil_core::store::{Store, load_revocations};
use counterfoil_jose::SealingKey;
use counterfoil_verify::Revocations;

use crate::app::backend::start_cache;
use crate::app::error::OpenError;
use crate::clock::Clock;
use crate::counters::Metrics;
use crate::settings::Settings;
use crate::store::node::Node;

/// The number of revocations that are read from the store at a time: a few megabytes.
const REVOCATIONS_PAGE_SIZE: NonZeroU32 = NonZeroU32::new(1 << 16).expect("it is not 0");

/// The cache that processes share, if one is set. It receives every later commit.
///
/// Its key depends on the revocation log as well: after a restore from a backup, and at a copy of the store, nothing of before is
/// used.
pub(super) async fn open_shared(
    store: &dyn Store,
    settings: &Settings,
    master_key: &SealingKey,
    (revocations, clock): (&Arc<Revocations>, &Arc<Clock>),
) -> Result<Option<Arc<SharedSessions>>, OpenError> {
    let Some(url) = &settings.cache else { return Ok(None) };
    let log = store.revocation_log_id().await?.to_string();
    let key = master_key.derive_hmac_key(&[b"session_cache\0", log.as_bytes()].concat());
    let cache = start_cache(url, key).map_err(OpenError::Cache)?;
    let clock = Arc::clone(clock);
    let shared = SharedSessions::new(cache, Arc::clone(revocations), Arc::new(move || clock.now()));
    let shared = Arc::new(shared);
    store.subscribe(Arc::clone(&shared) as _);
    Ok(Some(shared))
}

/// The session cache with all current revocations, and the metrics. Both receive every later commit.
pub(super) async fn subscribe(
    store: &dyn Store,
    settings: &Settings,
    (revocations, node): (Arc<Revocations>, Option<Arc<Node>>),
) -> Result<(Arc<MemorySessionCache>, Metrics), OpenError> {
    let cache = MemorySessionCache::new(settings.session_cache_size, revocations);
    let cache = match node {
        None => cache,
        Some(node) => cache.with_lease(move || node.lease.is_held()),
    };
    let cache = Arc::new(cache);
    let metrics = Metrics::default();
    // Subscribed before the revocation log is read: a commit in between is received twice, never missed.
    store.subscribe(Arc::clone(&cache) as _);
    store.subscribe(Arc::clone(&metrics.events) as _);
    load_revocations(store, cache.revocations(), REVOCATIONS_PAGE_SIZE).await?;
    Ok((cache, metrics))
}
