//! Metrics of the store.

use std::fmt;
use std::sync::atomic::Ordering;

use counterfoil_core::store::metrics::StoreMetrics;

use crate::metrics::encoder::Encoder;

pub(super) fn encode(encoder: &mut Encoder<'_>, metrics: &StoreMetrics) -> fmt::Result {
    encoder.histogram("counterfoil_store_read", "Duration of reads from the store", &metrics.reads)?;
    encoder.histogram(
        "counterfoil_store_commit",
        "Time from a write request until it is durable",
        &metrics.commits,
    )?;
    encoder.histogram(
        "counterfoil_store_transaction",
        "Duration of transactions; write requests in one transaction share its sync",
        &metrics.transactions,
    )?;
    let waiting = metrics.pending.load(Ordering::Relaxed);
    encoder.gauge("counterfoil_store_queue", "Write requests queued or in progress", waiting)?;
    let failed = metrics.failed.load(Ordering::Relaxed);
    encoder.counter("counterfoil_store_failures", "Write requests that failed", failed)?;
    let refused = metrics.lists_refused();
    encoder.counter("counterfoil_store_lists_refused", "Lists not read, because too many waited", refused)?;
    let waiting = metrics.reads_waiting.load(Ordering::Relaxed);
    encoder.gauge(
        "counterfoil_store_reads_waiting",
        "Reads that wait for a connection to the database",
        waiting,
    )?;
    let refused = metrics.reads_refused.load(Ordering::Relaxed);
    encoder.counter(
        "counterfoil_store_reads_refused",
        "Reads for which no connection to the database became free or could be made",
        refused,
    )?;
    let may_lose = u64::from(metrics.may_lose_commits.load(Ordering::Relaxed));
    encoder.gauge(
        "counterfoil_store_may_lose_commits",
        "1 if a crash or a promotion of a standby could lose confirmed commits",
        may_lose,
    )
}
