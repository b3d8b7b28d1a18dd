//! The marks of very many processes that have crashed, of which few are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use counterfoil_core::store::Change;
use counterfoil_jose::Time;

use crate::clock::state_keys::ONLY_PROCESS;
use crate::store::shutdown_mark::mark::{Mark, key, running, sign_of_life};

/// How many marks a start leaves as they are.
pub(super) const MAX_SEPARATE_MARKS: usize = 100;

/// How many marks are merged at a start, so that its commit is not too large.
const MAX_MERGED: usize = 1_000;

/// Marks whose last signs of life are in one interval are merged. It is half of what the clocks of two nodes may differ: no start for
/// which the time of a mark is in the past takes the time of the merged one for that of a wrong clock.
const INTERVAL: Duration = Duration::from_secs(30 * 60);

/// The owners of merged marks begin with this, and the interval follows. No process has such an id, so a clean shutdown never removes
/// one.
const CRASHES: &str = "crashes:";

/// Merges the marks of processes that have ended: of each interval the last sign of life stays, in a mark of its own.
///
/// No crash is hidden by that. If an earlier one of the interval still counts at a start, so does the last one, because less time has
/// passed since then; and the start counts the tokens up to the last sign of life of all processes in both cases.
pub(super) fn merge(marks: &[Mark], is_running: impl Fn(&str) -> bool) -> Vec<Change> {
    let mut intervals: BTreeMap<u64, (Time, Vec<&str>)> = BTreeMap::new();
    let ended = marks.iter().filter(|(owner, _)| owner != ONLY_PROCESS && !is_running(owner));
    for (owner, mark) in ended.take(MAX_MERGED) {
        let sign = sign_of_life(mark);
        let interval = sign.unix_seconds() / INTERVAL.as_secs();
        let (last, owners) = intervals.entry(interval).or_default();
        *last = sign.max(*last);
        owners.push(owner);
    }
    let several = intervals.into_iter().filter(|(_, (_, owners))| owners.len() > 1);
    several
        .flat_map(|(interval, (last, owners))| replace(&format!("{CRASHES}{interval}"), last, &owners))
        .collect()
}

/// Sets the mark of `owner`, and removes those of the others.
fn replace(owner: &str, last: Time, others: &[&str]) -> Vec<Change> {
    let removed = others.iter().filter(|other| **other != owner);
    removed.map(|other| Change::remove_metadata(key(other))).chain([running(owner, last)]).collect()
}

#[cfg(test)]
mod tests {
    use counterfoil_sqlite::SqliteStore;

    use super::*;
    use crate::clock::state_keys::StateKeys;
    use crate::store::shutdown_mark::mark::{marks, write};
    use crate::store::shutdown_mark::{begin, end, last_write_before_crash};

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
    const TEN: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    /// A process that starts and crashes each second, for so long.
    async fn crash_each_second(store: &SqliteStore, seconds: u32) -> Time {
        for second in 0..seconds {
            let process = StateKeys::of_node(&format!("{second:08x}"), "node");
            begin(store, &process, NOON + SECOND * second).await.unwrap();
        }
        NOON + SECOND * (seconds - 1)
    }

    async fn owners(store: &SqliteStore) -> Vec<String> {
        marks(store).await.unwrap().into_iter().map(|(owner, _)| owner).collect()
    }

    #[tokio::test]
    async fn a_process_that_crashes_again_and_again_leaves_few_marks_and_a_start_still_follows_a_crash() {
        let store = SqliteStore::in_memory().unwrap();

        let last_crash = crash_each_second(&store, 1_000).await;

        assert!(owners(&store).await.len() <= MAX_SEPARATE_MARKS + 3, "{:?}", owners(&store).await);
        let next = StateKeys::of_node("next", "node");
        let found = last_write_before_crash(&*store, &next, TEN, last_crash + SECOND).await.unwrap();
        assert_eq!(found, Some(last_crash));
    }

    #[tokio::test]
    async fn a_clean_shutdown_removes_no_merged_mark() {
        let store = SqliteStore::in_memory().unwrap();
        let [crashed, stopped] = ["crashed", "stopped"].map(|id| StateKeys::of_node(id, "node"));
        begin(&*store, &crashed, NOON).await.unwrap();
        begin(&*store, &stopped, NOON + SECOND).await.unwrap();

        write(&*store, merge(&marks(&*store).await.unwrap(), |_| false)).await.unwrap();
        end(&*store, &stopped).await.unwrap();

        let next = StateKeys::of_node("next", "node");
        let found = last_write_before_crash(&*store, &next, TEN, NOON + TEN).await.unwrap();
        assert_eq!(found, Some(NOON + SECOND));
    }

    #[tokio::test]
    async fn the_marks_of_processes_that_run_and_of_other_times_stay() {
        let store = SqliteStore::in_memory().unwrap();
        for (id, at) in [("runs", 0), ("one", 1), ("two", 2), ("later", 3600), ("ahead", 24 * 3600)] {
            begin(&*store, &StateKeys::of_node(id, id), NOON + SECOND * at).await.unwrap();
        }

        write(&*store, merge(&marks(&*store).await.unwrap(), |owner| owner == "runs")).await.unwrap();

        let merged = format!("{CRASHES}{}", NOON.unix_seconds() / INTERVAL.as_secs());
        assert_eq!(owners(&store).await, ["ahead", merged.as_str(), "later", "runs"]);
        // Later ones of the same interval are added to it.
        begin(&*store, &StateKeys::of_node("three", "three"), NOON + 3 * SECOND).await.unwrap();
        write(&*store, merge(&marks(&*store).await.unwrap(), |owner| owner == "runs")).await.unwrap();
        let found = marks(&*store).await.unwrap();
        assert_eq!(found.len(), 4);
        assert!(
            found.iter().any(|(owner, mark)| *owner == merged && sign_of_life(mark) == NOON + 3 * SECOND)
        );
    }
}
