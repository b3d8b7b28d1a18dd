//! The clock checkpoint: the time saved in the store, so that a restart does not run backward.

use counterfoil_core::store::{Change, CommitOutcome, Store, StoreError, Transaction};
use counterfoil_jose::Time;

use crate::clock::{AcceptedClock, CLOCK_JUMP_THRESHOLD, Clock, ClockSource};

/// The metadata key of the checkpoint.
const CHECKPOINT: &str = "clock_checkpoint:0";

/// The metadata key of a time up to which times in records are ignored at a start: an operator has declared
/// that the clock which wrote them was wrong.
const DISTRUSTED_UNTIL: &str = "clock_distrusted_until:0";

/// The value of [`DISTRUSTED_UNTIL`] while the process that was ahead still runs: all that it writes is
/// ignored.
const UNTIL_RESTART: Time = Time::from_unix_ms(u64::MAX);

/// Starts the clock, no earlier than the checkpoint and the newest record.
pub(crate) async fn start(store: &dyn Store, source: impl ClockSource) -> Result<Clock, StoreError> {
    let checkpoint = saved(store).await?;
    let clock = Clock::start(source, checkpoint, newest_trusted(store).await?);
    if clock.ahead_at_start() > CLOCK_JUMP_THRESHOLD {
        tracing::warn!(
            seconds = clock.ahead_at_start().as_secs(),
            "the system clock is behind the newest time in the store, which is used instead; if the system clock \
             is right, run `counterfoil clock accept` and restart"
        );
    }
    Ok(clock)
}

/// The newest time of any record that is trusted.
async fn newest_trusted(store: &dyn Store) -> Result<Time, StoreError> {
    let newest = store.newest_time().await?;
    match stored_time(store, DISTRUSTED_UNTIL).await? {
        None => Ok(newest),
        Some(UNTIL_RESTART) => {
            // That process has ended. From now on only the checkpoint counts, until records are newer than
            // its last.
            commit(store, &[set_time(DISTRUSTED_UNTIL, newest)]).await?;
            Ok(Time::EPOCH)
        }
        Some(distrusted_until) if newest <= distrusted_until => Ok(Time::EPOCH),
        Some(_) => Ok(newest),
    }
}

/// The checkpoint that the former process saved.
pub(crate) async fn saved(store: &dyn Store) -> Result<Option<Time>, StoreError> {
    stored_time(store, CHECKPOINT).await
}

/// Saves the checkpoint for the next start.
pub(crate) async fn save(store: &dyn Store, clock: &Clock) -> Result<(), StoreError> {
    commit(store, &[set_time(CHECKPOINT, clock.checkpoint())]).await
}

/// Saves that an operator has accepted the clock, with its audit event, in one commit. A restart right after
/// it uses the accepted time.
pub(crate) async fn accept(
    store: &dyn Store,
    clock: &Clock,
    accepted: AcceptedClock,
    audit_event: Change,
) -> Result<(), StoreError> {
    let mut changes = vec![audit_event, set_time(CHECKPOINT, clock.checkpoint())];
    changes.extend(accepted.needs_restart().then(|| set_time(DISTRUSTED_UNTIL, UNTIL_RESTART)));
    commit(store, &changes).await
}

fn set_time(key: &'static str, time: Time) -> Change {
    Change::set_metadata(key, time.unix_ms().to_be_bytes().to_vec())
}

async fn stored_time(store: &dyn Store, key: &str) -> Result<Option<Time>, StoreError> {
    let Some(bytes) = store.metadata(key).await? else { return Ok(None) };
    let ms = bytes.try_into().map(u64::from_be_bytes);
    let corrupt = |_| StoreError::Corrupt { detail: "a clock checkpoint", source: None };
    ms.map(Time::from_unix_ms).map(Some).map_err(corrupt)
}

async fn commit(store: &dyn Store, changes: &[Change]) -> Result<(), StoreError> {
    // None of these changes has a precondition, so there is no conflict to handle.
    match store.commit(&Transaction::new(changes)).await? {
        CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
    }
}
