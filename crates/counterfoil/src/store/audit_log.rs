//! Removes audit events that are too old or above the limit, and warns about the latter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::time::sleep;

use counterfoil_core::store::{AuditRetention, PurgedEvents, Store, StoreError};
use counterfoil_jose::Time;

use crate::settings::audit_log::AuditLogSettings;

/// The time between two warnings, in seconds: at the limit each purge removes events.
const WARNING_INTERVAL: u64 = 60 * 60;

/// What was removed from the audit log before its time.
#[derive(Debug, Default)]
pub(crate) struct AuditLogLimit {
    /// Events that were removed because there were too many.
    pub(crate) removed: Counter,
    /// When the log warned last, in Unix seconds.
    warned_at: AtomicU64,
}

/// Removes events in batches of at most `batch_size`, with a pause after each, in which other writes proceed.
pub(crate) async fn purge(
    store: &dyn Store,
    settings: &AuditLogSettings,
    limit: &AuditLogLimit,
    (batch_size, pause): (u32, Duration),
    now: Time,
) -> Result<(), StoreError> {
    let retention = AuditRetention { max_age: settings.retention, max_events: settings.max_events };
    loop {
        let PurgedEvents { expired, above_limit } = store.purge_audit_log(retention, now, batch_size).await?;
        limit.record(above_limit, settings, now);
        if expired.max(above_limit) < u64::from(batch_size) {
            return Ok(());
        }
        sleep(pause).await;
    }
}

impl AuditLogLimit {
    fn record(&self, removed: u64, settings: &AuditLogSettings, now: Time) {
        if removed == 0 {
            return;
        }
        self.removed.inc_by(removed);
        let (now, warned_at) = (now.unix_seconds(), self.warned_at.load(Ordering::Relaxed));
        if now < warned_at.saturating_add(WARNING_INTERVAL) {
            return;
        }
        self.warned_at.store(now, Ordering::Relaxed);
        let max_events = settings.max_events.map_or(0, std::num::NonZeroU64::get);
        tracing::warn!(
            max_events,
            "the audit log is full: its oldest events are removed before their time; raise `audit_log.max_events`, \
             or find out what writes so many events"
        );
    }
}
