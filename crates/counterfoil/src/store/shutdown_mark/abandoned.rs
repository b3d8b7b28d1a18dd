//! The marks of processes that crashed and do not come back, which are removed.

use std::time::{Duration, Instant};

use counterfoil_core::store::{Change, Store, StoreError};
use counterfoil_jose::Time;

use crate::clock::checkpoint;
use crate::clock::state_keys::StateKeys;
use crate::store::shutdown_mark::last_sign;
use crate::store::shutdown_mark::mark::{key, marks, write};

/// How long a process serves without a sign of life of another one until it removes the mark of that one.
const RETENTION: Duration = Duration::from_secs(60 * 60);

/// Removes the marks in which no sign of life is written while this process serves for an hour.
///
/// No time in a mark is compared with a clock: the clock of this process may be ahead, and then it would remove the mark of a
/// process that has crashed a moment ago, or has yet to. A process that serves writes each minute. And after an hour clients
/// have had the time to repeat their requests here.
#[derive(Debug, Default)]
pub(crate) struct AbandonedMarks {
    /// When the marks were read last.
    read_at: Option<Instant>,
    /// The last signs of life then, by the processes of the marks.
    last_signs: Vec<(String, Time)>,
}

impl AbandonedMarks {
    /// Reads the marks, if that is due at `now`, and removes those that are as they were an hour ago.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or written. Then the next call tries it again.
    pub(crate) async fn remove(
        &mut self,
        store: &dyn Store,
        keys: &StateKeys,
        now: Instant,
    ) -> Result<(), StoreError> {
        if self.read_at.is_some_and(|read_at| now < read_at + RETENTION) {
            return Ok(());
        }
        let (marks, checkpoints) = (marks(store).await?, checkpoint::saved(store).await?);
        let signs: Vec<_> =
            marks.iter().map(|mark| (mark.0.clone(), last_sign(mark, &checkpoints))).collect();
        let is_abandoned =
            |sign: &&(String, Time)| sign.0 != keys.process() && self.last_signs.contains(sign);
        let abandoned = signs.iter().filter(is_abandoned);
        write(store, abandoned.map(|(owner, _)| Change::remove_metadata(key(owner))).collect()).await?;
        (self.read_at, self.last_signs) = (Some(now), signs);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use counterfoil_sqlite::SqliteStore;

    use super::*;
    use crate::clock::Clock;
    use crate::clock::manual::ManualClock;
    use crate::clock::state_keys::ONLY_PROCESS;
    use crate::store::shutdown_mark::mark::RUNNING;
    use crate::store::shutdown_mark::{begin, end, write_sign_of_life};

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    /// A process that serves, and what it has seen of the others.
    struct Serving {
        store: Arc<SqliteStore>,
        keys: StateKeys,
        marks: AbandonedMarks,
        since: Instant,
    }

    impl Serving {
        async fn start(store: &Arc<SqliteStore>, name: &str, now: Time) -> Self {
            let keys = StateKeys::of_node(name, name);
            begin(&**store, &keys, now).await.unwrap();
            let mut serving = Self {
                store: Arc::clone(store),
                keys,
                marks: AbandonedMarks::default(),
                since: Instant::now(),
            };
            serving.remove_after(Duration::ZERO).await;
            serving
        }

        /// Removes what is abandoned when it has served for this long; returns whose marks remain.
        async fn remove_after(&mut self, served: Duration) -> Vec<String> {
            self.marks.remove(&*self.store, &self.keys, self.since + served).await.unwrap();
            marks(&*self.store).await.unwrap().into_iter().map(|(owner, _)| owner).collect()
        }
    }

    #[tokio::test]
    async fn the_marks_of_processes_that_do_not_come_back_are_removed() {
        let store = SqliteStore::in_memory().unwrap();
        let crashed = StateKeys::of_node("crashed", "crashed");
        begin(&*store, &crashed, NOON).await.unwrap();

        let mut serving = Serving::start(&store, "serving", NOON + 24 * RETENTION).await;

        assert_eq!(serving.remove_after(RETENTION - MINUTE).await, ["crashed", "serving"]);
        assert_eq!(serving.remove_after(RETENTION).await, ["serving"]);
    }

    #[tokio::test]
    async fn the_mark_of_a_process_that_serves_stays_whatever_the_clocks_say() {
        let store = SqliteStore::in_memory().unwrap();
        let others = ["behind", "ahead"].map(|name| StateKeys::of_node(name, name));
        let times = [NOON, NOON + 48 * RETENTION];
        for (keys, time) in others.iter().zip(times) {
            begin(&*store, keys, time).await.unwrap();
        }
        let mut serving = Serving::start(&store, "serving", NOON + 24 * RETENTION).await;
        for (keys, time) in others.iter().zip(times) {
            write_sign_of_life(&*store, keys, time + MINUTE).await.unwrap();
        }

        assert_eq!(serving.remove_after(RETENTION).await, ["ahead", "behind", "serving"]);
        assert_eq!(serving.remove_after(2 * RETENTION).await, ["serving"], "both have crashed since");
    }

    #[tokio::test]
    async fn a_mark_that_was_set_meanwhile_stays_until_another_hour_has_passed() {
        let store = SqliteStore::in_memory().unwrap();
        let mut serving = Serving::start(&store, "serving", NOON).await;
        begin(&*store, &StateKeys::of_node("crashed", "crashed"), NOON).await.unwrap();

        assert_eq!(serving.remove_after(RETENTION).await.len(), 2);
        assert_eq!(serving.remove_after(2 * RETENTION).await.len(), 1);
    }

    /// Its mark has no time, and it saves the checkpoint of the only process.
    #[tokio::test]
    async fn the_mark_of_a_node_of_an_earlier_version_stays_while_it_serves() {
        let store = SqliteStore::in_memory().unwrap();
        let former = StateKeys::new(&*store, "former");
        let save = async |time| {
            let clock = Clock::start(ManualClock::new(time), None, Time::EPOCH);
            checkpoint::save(&*store, &former, &clock).await.unwrap();
        };
        write(&*store, vec![Change::set_metadata(key(ONLY_PROCESS), vec![RUNNING])]).await.unwrap();
        save(NOON).await;
        let mut serving = Serving::start(&store, "serving", NOON).await;
        save(NOON + MINUTE).await;

        assert_eq!(serving.remove_after(RETENTION).await.len(), 2);
        assert_eq!(serving.remove_after(2 * RETENTION).await.len(), 1);
        end(&*store, &serving.keys).await.unwrap();
    }
}
