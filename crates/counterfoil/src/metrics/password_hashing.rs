//! Metrics of the threads that hash passwords and validate new ones.

use std::fmt;

use crate::metrics::encoder::Encoder;
use crate::passwords::hash_pool::HashPool;

pub(super) fn encode(encoder: &mut Encoder<'_>, pool: &HashPool) -> fmt::Result {
    let metrics = pool.metrics();
    encoder.gauge(
        "counterfoil_password_hash_queue_length",
        "Passwords waiting to be hashed",
        pool.queue_length(),
    )?;
    encoder.gauge(
        "counterfoil_password_hash_allocated_threads",
        "Hashing threads that have memory allocated",
        pool.allocated_threads(),
    )?;
    encoder.histogram(
        "counterfoil_password_hash_queue",
        "Time that passwords waited to be hashed",
        &metrics.queue_time,
    )?;
    encoder.histogram(
        "counterfoil_password_hash_duration",
        "Time to hash one password",
        &metrics.duration,
    )?;
    encoder.counters(
        "counterfoil_password_hash_rejected",
        "Password hashes rejected because the queue was full or timed out, or a client IP or account used its share",
        |sample| {
            sample(&[("reason", "queue_full")], metrics.rejected_queue_full.get())?;
            sample(&[("reason", "share")], metrics.rejected_share.get())?;
            sample(&[("reason", "timeout")], metrics.rejected_timeout.get())
        },
    )?;
    encoder.histogram(
        "counterfoil_password_validation_duration",
        "Time to validate one new password",
        &pool.validation_metrics().duration,
    )?;
    let rejected = pool.validation_metrics();
    encoder.counters(
        "counterfoil_password_validation_rejected",
        "New passwords rejected because the queue of their validation was full or timed out, or a share was used",
        |sample| {
            sample(&[("reason", "queue_full")], rejected.rejected_queue_full.get())?;
            sample(&[("reason", "share")], rejected.rejected_share.get())?;
            sample(&[("reason", "timeout")], rejected.rejected_timeout.get())
        },
    )?;
    encoder.counter(
        "counterfoil_refusals_not_delayed",
        "Rate-limited logins that were answered at once because too many waited",
        pool.refusals_not_delayed(),
    )
}
