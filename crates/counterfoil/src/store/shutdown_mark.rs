//! The mark of a clean shutdown: a start without it follows a crash, whose time is bounded by what the process wrote.
//!
//! Of several nodes each process has its own mark, so that the clean shutdown of one does not hide the crash of another. It is
//! there as long as the process serves, and stays if the process crashes. No process removes the mark of another one by its own
//! clock, which may be ahead: see [`AbandonedMarks`].

pub(crate) mod abandoned;
mod mark;
mod merged;

use std::time::Duration;

use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

use crate::clock::checkpoint;
use crate::clock::state_keys::{ONLY_PROCESS, StateKeys};
use crate::store::shutdown_mark::mark::{Mark, STOPPED, key, marks, running, sign_of_life, write};
use crate::store::shutdown_mark::merged::{MAX_SEPARATE_MARKS, merge};

/// How often a process writes a sign of life at least.
const SIGN_INTERVAL: Duration = Duration::from_secs(60);

/// The longest time between two signs of life of a node whose store answers, and some more for clocks that differ.
const MAX_SIGN_INTERVAL: Duration = Duration::from_secs(2 * 60);

/// How far the clocks of two nodes may differ at most.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60 * 60);

/// The newest time that a former process wrote, if it crashed; `None` if all stopped cleanly.
///
/// It must be read before this process writes. The clock checkpoints and the marks count too: on an idle server, a record can
/// be much older than the crash, and its used token would be valid again. What is more than an hour ahead of the `wall` clock and of
/// the checkpoint of this node shows nothing about other processes: it is of a clock that was wrong, and would hide every crash
/// until that time.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn last_write_before_crash(
    store: &dyn Store,
    keys: &StateKeys,
    grace: Duration,
    wall: Time,
) -> Result<Option<Time>, StoreError> {
    let (marks, checkpoints) = (marks(store).await?, checkpoint::saved(store).await?);
    // This node continues from its own checkpoint, also if the wall clock has been set back since.
    let now = checkpoint::own(store, keys).await?.unwrap_or_default().max(wall);
    let saved = checkpoints.iter().map(|(_, time)| *time);
    let times = saved.chain(marks.iter().map(|(_, mark)| sign_of_life(mark)));
    let served_until = times.filter(|time| *time <= now + MAX_CLOCK_DIFFERENCE).max().unwrap_or_default();
    let crashed = marks.iter().filter(|mark| match keys.is_only_process() {
        true => mark.0 == ONLY_PROCESS,
        false => has_crashed_lately(mark, &checkpoints, served_until, grace),
    });
    // Of several that of the lowest time: a clock that was ahead must not leave out the tokens of another process.
    let last_sign = crashed.filter(|mark| mark.1 != STOPPED).map(|mark| last_sign(mark, &checkpoints)).min();
    // The only process has had a mark since its first start, unless the store is of an earlier version.
    let has_no_mark = keys.is_only_process() && !marks.iter().any(|(owner, _)| owner == ONLY_PROCESS);
    let last_sign = last_sign.or(has_no_mark.then_some(Time::EPOCH));
    let newest = store.newest_time().await?;
    Ok(last_sign.map(|last_sign| newest.max(served_until).max(last_sign)))
}

/// Whether a process has crashed, or still serves, and none has served since for longer than the grace period. If one has, a
/// client whose response was lost could repeat its request there, and used tokens of that time stay used.
///
/// Only marks and checkpoints show that a process served. A record does not: the process that crashed may have written it
/// after its last sign of life, or a command such as `restore`, or a clock that was ahead.
fn has_crashed_lately(
    mark: &Mark,
    checkpoints: &[(String, Time)],
    served_until: Time,
    grace: Duration,
) -> bool {
    last_sign(mark, checkpoints) + MAX_SIGN_INTERVAL + grace >= served_until
}

/// When the process of a mark served last. The mark of the only process of a store that was moved here is older than its
/// checkpoint, and the nodes of an earlier version have a mark without a time.
fn last_sign((owner, mark): &Mark, checkpoints: &[(String, Time)]) -> Time {
    let is_its_checkpoint = |(of, _): &&(String, Time)| of == ONLY_PROCESS && owner == ONLY_PROCESS;
    let checkpoint = checkpoints.iter().find(is_its_checkpoint).map(|(_, time)| *time);
    sign_of_life(mark).max(checkpoint.unwrap_or_default())
}

/// Sets the mark of this process: it serves at `now`. A crash that follows is not earlier.
///
/// Removes the mark of the only process of a store that was moved here, if that has stopped. It says nothing any more. If very many
/// processes have crashed and none has served for an hour since, their marks are merged; see [`merge`].
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn begin(store: &dyn Store, keys: &StateKeys, now: Time) -> Result<(), StoreError> {
    let is_stopped = |mark: &Mark| mark.0 != keys.process() && mark.1 == STOPPED;
    let marks = marks(store).await?;
    let stopped = marks.iter().filter(|mark| is_stopped(mark));
    let mut changes: Vec<_> = stopped.map(|(owner, _)| Change::remove_metadata(key(owner))).collect();
    if marks.len() > MAX_SEPARATE_MARKS {
        let nodes = checkpoint::running_nodes(store).await?;
        changes.extend(merge(&marks, |owner| nodes.iter().any(|row| row.id.to_string() == owner)));
    }
    changes.push(running(keys.process(), now));
    write(store, changes).await
}

/// Writes a sign of life: this process serves at `now`.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn write_sign_of_life(
    store: &dyn Store,
    keys: &StateKeys,
    now: Time,
) -> Result<(), StoreError> {
    write(store, vec![running(keys.process(), now)]).await
}

/// Marks the shutdown as clean.
///
/// # Errors
///
/// If the store cannot be written.
pub(crate) async fn end(store: &dyn Store, keys: &StateKeys) -> Result<(), StoreError> {
    let key = key(keys.process());
    let change = match keys.is_only_process() {
        true => Change::set_metadata(key, STOPPED.to_vec()),
        // A node draws another id at its next start.
        false => Change::remove_metadata(key),
    };
    write(store, vec![change]).await
}

/// Whether a sign of life is due: the last one is a minute old, or of a clock that has been set back since, or the grace period
/// of the last rotation has passed, and nothing says so yet. After a crash the used token of that rotation would otherwise be
/// valid again, however long ago it was used. While tokens are rotated, each rotation is a sign of life itself.
pub(crate) fn is_sign_of_life_due(
    last_rotation: Option<Time>,
    last_sign: Time,
    grace: Duration,
    now: Time,
) -> bool {
    let is_rotation_over = |rotation: Time| last_sign <= rotation + grace && now > rotation + grace;
    let is_after_rotation = !grace.is_zero() && last_rotation.is_some_and(is_rotation_over);
    is_after_rotation || now >= last_sign + SIGN_INTERVAL || now < last_sign
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
