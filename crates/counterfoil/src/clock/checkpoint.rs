//! The mark of the clock, as the store keeps it from one life to the next.

use counterfoil_core::store::{Change, CommitOutcome, Store, StoreError};
use counterfoil_jose::Time;

use crate::clock::{Accepted, Clock, LEAP, Source};

/// Under which name this node's mark is kept.
const MARK: &str = "clock_mark:0";

/// Under which name it is kept up to which time the times of records count for nothing, because an operator
/// has said that the clock which wrote them was wrong.
const DISOWNED: &str = "clock_disowned:0";

/// Whatever the life that was told so writes, up to its end.
const ALL_OF_THIS_LIFE: Time = Time::from_unix_ms(u64::MAX);

/// Starts the clock where the last life, or the newest record, left off.
pub(crate) async fn start(store: &dyn Store, source: impl Source) -> Result<Clock, StoreError> {
    let clock = Clock::start(source, kept(store, MARK).await?, newest_owned(store).await?);
    if clock.ahead_at_start() > LEAP {
        tracing::warn!(
            seconds = clock.ahead_at_start().as_secs(),
            "the clock of this machine is behind what the store has seen, and we go by the store; if the machine is \
             right, run `counterfoil clock accept` and restart"
        );
    }
    Ok(clock)
}

/// The newest time of any record that counts.
async fn newest_owned(store: &dyn Store) -> Result<Time, StoreError> {
    let newest = store.newest_time().await?;
    match kept(store, DISOWNED).await? {
        None => Ok(newest),
        Some(ALL_OF_THIS_LIFE) => {
            // That life is over. From here on the mark alone is trusted, until records are newer than its last.
            commit(store, &[fact(DISOWNED, newest)]).await?;
            Ok(Time::EPOCH)
        }
        Some(disowned) if newest <= disowned => Ok(Time::EPOCH),
        Some(_) => Ok(newest),
    }
}

/// Saves the mark, for the next start.
pub(crate) async fn save(store: &dyn Store, clock: &Clock) -> Result<(), StoreError> {
    commit(store, &[fact(MARK, clock.mark())]).await
}

/// Keeps that an operator has accepted the clock, with a line of the journal, in one commit: a restart right
/// after it goes by the same.
pub(crate) async fn accept(
    store: &dyn Store,
    clock: &Clock,
    accepted: Accepted,
    journal: Change,
) -> Result<(), StoreError> {
    let mut changes = vec![journal, fact(MARK, clock.mark())];
    changes.extend(accepted.needs_restart().then(|| fact(DISOWNED, ALL_OF_THIS_LIFE)));
    commit(store, &changes).await
}

fn fact(name: &'static str, time: Time) -> Change {
    Change::SetMetadata(name, time.unix_ms().to_be_bytes().to_vec())
}

async fn kept(store: &dyn Store, name: &str) -> Result<Option<Time>, StoreError> {
    let Some(bytes) = store.fact(name).await? else { return Ok(None) };
    let ms = bytes.try_into().map(u64::from_be_bytes);
    let corrupt = |_| StoreError::Corrupt { what: "a mark of the clock", source: None };
    ms.map(Time::from_unix_ms).map(Some).map_err(corrupt)
}

async fn commit(store: &dyn Store, changes: &[Change]) -> Result<(), StoreError> {
    // Nothing of this expects anything, so nothing can be lost.
    match store.commit(changes).await? {
        CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
    }
}
