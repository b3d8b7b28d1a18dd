//! The clock checkpoint: the time saved in the store, so that a restart does not run backward.
//!
//! Each node saves its own, and continues from its own: the clock of another machine may be wrong. What a node declares about
//! the times in its records concerns every node, because all of them read these records, and stays until its process has ended.

use std::time::Duration;

use counterfoil_core::store::{Change, CommitOutcome, NodeRow, Store, StoreError, Transaction};
use counterfoil_jose::Time;

use crate::clock::state_keys::StateKeys;
use crate::clock::{AcceptedClock, CLOCK_JUMP_THRESHOLD, Clock, ClockSource};

/// The metadata keys of the checkpoints begin with this; the name of the node follows.
const CHECKPOINT: &str = "clock_checkpoint:";

/// The metadata keys of a time up to which times in records are ignored at a start begin with this: an operator has declared
/// that the clock which wrote them was wrong. The process with that clock follows.
const DISTRUSTED_UNTIL: &str = "clock_distrusted_until:";

/// The value of [`DISTRUSTED_UNTIL`] while the process that was ahead still runs: all that it writes is
/// ignored.
const UNTIL_RESTART: Time = Time::from_unix_ms(u64::MAX);

/// How long the state of a node that does not come back is kept. It is then so old that it changes no start.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A time that was saved, and whose it is.
type Saved = (String, Time);

/// Starts the clock, no earlier than the checkpoint and the newest record.
pub(crate) async fn start(
    store: &dyn Store,
    keys: &StateKeys,
    source: Box<dyn ClockSource>,
) -> Result<Clock, StoreError> {
    let (checkpoints, distrusted) = (saved(store).await?, stored_times(store, DISTRUSTED_UNTIL).await?);
    let newest = store.newest_time().await?;
    let running = match distrusted.is_empty() {
        true => Vec::new(),
        false => running_nodes(store).await?,
    };
    let ended = ended(&distrusted, &running);
    let changes: Vec<Change> = ended.iter().map(|owner| set_time(DISTRUSTED_UNTIL, owner, newest)).collect();
    commit(store, changes).await?;
    let newest = if is_trusted(newest, &distrusted) { newest } else { Time::EPOCH };
    let own = own(store, keys).await?;
    let clock = Clock::start_boxed(source, checkpoint_of(keys, own, &checkpoints), newest);
    if clock.ahead_at_start() > CLOCK_JUMP_THRESHOLD {
        tracing::warn!(
            seconds = clock.ahead_at_start().as_secs(),
            "the system clock is behind the newest time in the store, which is used instead; if the system clock \
             is right, run `counterfoil clock accept` and restart"
        );
    }
    let now = shown_by_two_clocks(keys, clock.checkpoint(), &checkpoints);
    forget(store, now, (CHECKPOINT, &checkpoints)).await?;
    forget(store, now, (DISTRUSTED_UNTIL, &distrusted)).await?;
    Ok(clock)
}

/// The checkpoint from which this node continues: its own. A node without one, and the only process of a store, continue from
/// the latest: the store may have been another node's before.
fn checkpoint_of(keys: &StateKeys, own: Option<Time>, checkpoints: &[Saved]) -> Option<Time> {
    let latest = checkpoints.iter().map(|(_, time)| *time).max();
    if keys.is_only_process() { own.max(latest) } else { own.or(latest) }
}

/// Whether the newest time in a record was not written by a clock that was declared wrong.
fn is_trusted(newest: Time, distrusted: &[Saved]) -> bool {
    distrusted.iter().all(|(_, until)| newest > *until)
}

/// Those whose clocks were declared wrong, and who have ended. From now on only the checkpoints count, until records are newer
/// than their last.
fn ended<'d>(distrusted: &'d [Saved], running: &[NodeRow]) -> Vec<&'d str> {
    let is_running = |owner: &str| running.iter().any(|row| row.id.to_string() == owner);
    let waiting = distrusted.iter().filter(|(_, until)| *until == UNTIL_RESTART);
    waiting.map(|(owner, _)| owner.as_str()).filter(|owner| !is_running(owner)).collect()
}

/// The nodes of a store; none if only one process can have it open.
pub(crate) async fn running_nodes(store: &dyn Store) -> Result<Vec<NodeRow>, StoreError> {
    match store.node_registry() {
        Some(registry) => registry.nodes().await,
        None => Ok(Vec::new()),
    }
}

/// The checkpoint of this node, which may be missing among those of very many.
pub(crate) async fn own(store: &dyn Store, keys: &StateKeys) -> Result<Option<Time>, StoreError> {
    store.metadata(&key(CHECKPOINT, keys.node())).await?.map(time_of).transpose()
}

/// The checkpoints of all nodes, or that of the only process.
pub(crate) async fn saved(store: &dyn Store) -> Result<Vec<Saved>, StoreError> {
    stored_times(store, CHECKPOINT).await
}

/// Saves the checkpoint for the next start, and repeats the distrust of a clock that awaits its restart: while this process stood
/// still, it may have seemed to have ended.
pub(crate) async fn save(store: &dyn Store, keys: &StateKeys, clock: &Clock) -> Result<(), StoreError> {
    let mut changes = vec![set_time(CHECKPOINT, keys.node(), clock.checkpoint())];
    changes.extend(clock.awaits_restart().then(|| distrust(keys)));
    commit(store, changes).await
}

/// Saves that an operator has accepted the clock, with its audit event, in one commit. A restart right after
/// it uses the accepted time.
///
/// So does the start of another node: the checkpoints of others that are later than the accepted time are wrong, and those
/// of containers that are gone could not be accepted under their names. A node that is still ahead saves its own again.
pub(crate) async fn accept(
    store: &dyn Store,
    keys: &StateKeys,
    (clock, accepted): (&Clock, AcceptedClock),
    audit_event: Change,
) -> Result<(), StoreError> {
    let accepted_time = clock.checkpoint();
    let mut changes = vec![audit_event, set_time(CHECKPOINT, keys.node(), accepted_time)];
    let is_wrong =
        |(owner, time): &Saved| owner != keys.node() && *time > accepted_time + CLOCK_JUMP_THRESHOLD;
    let wrong: Vec<Saved> = saved(store).await?.into_iter().filter(is_wrong).collect();
    changes.extend(wrong.iter().map(|(owner, _)| remove_time(CHECKPOINT, owner)));
    changes.extend(accepted.needs_restart().then(|| distrust(keys)));
    commit(store, changes).await?;
    for (node, time) in &wrong {
        let seconds = time.since(accepted_time).as_secs();
        tracing::warn!(node, seconds, "the later clock checkpoint of another node was removed");
    }
    Ok(())
}

/// Everything that this process writes is ignored at a start.
fn distrust(keys: &StateKeys) -> Change {
    set_time(DISTRUSTED_UNTIL, keys.process(), UNTIL_RESTART)
}

/// The time that this node shows, and another one has shown too. If the clock of this node is ahead, it removes no checkpoint
/// of another: that node would then continue from the latest one, which is that of the wrong clock.
fn shown_by_two_clocks(keys: &StateKeys, now: Time, checkpoints: &[Saved]) -> Time {
    let of_others = checkpoints.iter().filter(|(owner, _)| owner != keys.node());
    now.min(of_others.map(|(_, time)| *time).max().unwrap_or_default())
}

/// Removes what nodes have left that did not come back.
async fn forget(store: &dyn Store, now: Time, (prefix, saved): (&str, &[Saved])) -> Result<(), StoreError> {
    let is_old = |(_, time): &&Saved| *time != UNTIL_RESTART && *time + RETENTION < now;
    let old = saved.iter().filter(is_old);
    commit(store, old.map(|(owner, _)| remove_time(prefix, owner)).collect()).await
}

fn remove_time(prefix: &str, owner: &str) -> Change {
    Change::remove_metadata(key(prefix, owner))
}

fn set_time(prefix: &str, owner: &str, time: Time) -> Change {
    Change::set_metadata(key(prefix, owner), time.unix_ms().to_be_bytes().to_vec())
}

fn key(prefix: &str, owner: &str) -> String {
    format!("{prefix}{owner}")
}

async fn stored_times(store: &dyn Store, prefix: &str) -> Result<Vec<Saved>, StoreError> {
    let read = |(key, bytes): (String, Vec<u8>)| {
        let owner = key.strip_prefix(prefix).unwrap_or_default().to_owned();
        Ok((owner, time_of(bytes)?))
    };
    store.metadata_with_prefix(prefix).await?.into_iter().map(read).collect()
}

fn time_of(bytes: Vec<u8>) -> Result<Time, StoreError> {
    let corrupt = |_| StoreError::Corrupt { detail: "a clock checkpoint", source: None };
    bytes.try_into().map(u64::from_be_bytes).map(Time::from_unix_ms).map_err(corrupt)
}

async fn commit(store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    // None of these changes has a precondition, so there is no conflict to handle.
    match store.commit(&Transaction::new(changes)).await? {
        CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
