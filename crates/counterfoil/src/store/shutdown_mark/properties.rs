//! Whatever three nodes do, no start misses a crash, and none makes used tokens valid without one. So it is if a fourth one
//! joins whose clock is ahead by a day, and the marks are merged at each start.

use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_sqlite::SqliteStore;
use proptest::prelude::*;

use crate::clock::Clock;
use crate::clock::checkpoint;
use crate::clock::manual::ManualClock;
use crate::clock::state_keys::StateKeys;
use crate::store::shutdown_mark::mark::{marks, write};
use crate::store::shutdown_mark::merged::merge;
use crate::store::shutdown_mark::tests::record;
use crate::store::shutdown_mark::{
    MAX_SIGN_INTERVAL, begin, end, last_write_before_crash, write_sign_of_life,
};

const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
const TEN: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What happens to three nodes.
#[derive(Debug, Clone, Copy)]
enum Event {
    Start(usize),
    Refresh(usize),
    Crash(usize),
    Stop(usize),
    /// A record is committed, by a process with a clock that is ahead by an hour.
    Record,
    /// The node whose clock is ahead starts, or stops cleanly.
    StartAhead,
    StopAhead,
    Pass(u64),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..3_usize).prop_map(Event::Start),
        3 => (0..3_usize).prop_map(Event::Refresh),
        3 => (0..3_usize).prop_map(Event::Crash),
        3 => (0..3_usize).prop_map(Event::Stop),
        1 => Just(Event::Record),
        1 => Just(Event::StartAhead),
        1 => Just(Event::StopAhead),
        3 => (1..9_u64).prop_map(Event::Pass),
        3 => (30..200_u64).prop_map(Event::Pass),
    ]
}

/// Three nodes on one store, and what a client and an attacker may expect of it.
#[derive(Default)]
struct Nodes {
    started: usize,
    running: [Option<StateKeys>; 3],
    /// The node whose clock is ahead. It refreshes nothing.
    ahead: Option<StateKeys>,
    /// The refreshes of processes that crashed before the client can have had the response for long.
    lost: Vec<Time>,
    refreshed: [Option<Time>; 3],
    last_crash: Option<Time>,
    last_served: Option<Time>,
    last_record: Option<Time>,
}

impl Nodes {
    async fn apply(&mut self, store: &SqliteStore, event: Event, now: Time) {
        match event {
            Event::Start(node) if self.running[node].is_none() => {
                self.started += 1;
                let keys = StateKeys::of_node(&self.started.to_string(), "node");
                self.check(last_write_before_crash(store, &keys, TEN, now).await.unwrap(), now);
                begin(store, &keys, now).await.unwrap();
                self.last_served = Some(now);
                self.running[node] = Some(keys);
                self.merge_marks(store).await;
            }
            Event::Refresh(node) if self.running[node].is_some() => self.refreshed[node] = Some(now),
            Event::Crash(node) if self.running[node].take().is_some() => {
                self.last_crash = Some(now);
                let refreshed = self.refreshed[node].take();
                self.lost.extend(refreshed.filter(|at| *at + TEN >= now));
            }
            Event::Stop(node) => {
                if let Some(keys) = self.running[node].take() {
                    save_checkpoint(store, &keys, now).await;
                    end(store, &keys).await.unwrap();
                    self.refreshed[node] = None;
                }
            }
            Event::Record => {
                record(store, now + HOUR).await;
                self.last_record = Some(now + HOUR);
            }
            Event::StartAhead if self.ahead.is_none() => {
                self.started += 1;
                let keys = StateKeys::of_node(&self.started.to_string(), "ahead");
                begin(store, &keys, now + DAY).await.unwrap();
                save_checkpoint(store, &keys, now + DAY).await;
                self.ahead = Some(keys);
            }
            Event::StopAhead => {
                if let Some(keys) = self.ahead.take() {
                    end(store, &keys).await.unwrap();
                }
            }
            Event::StartAhead | Event::Start(_) | Event::Refresh(_) | Event::Crash(_) | Event::Pass(_) => {}
        }
    }

    /// As a start does when there are very many marks.
    async fn merge_marks(&self, store: &SqliteStore) {
        let running: Vec<_> =
            self.running.iter().flatten().chain(&self.ahead).map(StateKeys::process).collect();
        let changes = merge(&marks(store).await.unwrap(), |owner| running.contains(&owner));
        write(store, changes).await.unwrap();
    }

    fn check(&self, found: Option<Time>, now: Time) {
        let Some(last_served) = self.last_served else { return };
        if self.running.iter().any(Option::is_some) || self.ahead.is_some() {
            // What serves may have crashed, as far as a start can know.
            return;
        }
        for lost in self.lost.iter().filter(|lost| **lost + TEN >= last_served) {
            let last_write =
                found.unwrap_or_else(|| panic!("at {now:?}: the crash after {lost:?} is hidden"));
            let is_recorded = Some(last_write) == self.last_record;
            assert!(is_recorded || *lost + TEN >= last_write, "at {now:?}: {lost:?} does not count as lost");
        }
        let is_over = |crash: Time| crash + MAX_SIGN_INTERVAL + TEN < last_served;
        if self.last_crash.is_none_or(is_over) {
            assert_eq!(found, None, "at {now:?}: used tokens are valid again");
        }
    }

    /// Every node that serves writes a sign of life and its clock checkpoint each minute; the last ones count.
    async fn serve(&mut self, store: &SqliteStore, until: Time) {
        for keys in self.running.iter().flatten() {
            self.last_served = Some(until);
            write_sign_of_life(store, keys, until).await.unwrap();
            save_checkpoint(store, keys, until).await;
        }
        if let Some(keys) = &self.ahead {
            write_sign_of_life(store, keys, until + DAY).await.unwrap();
            save_checkpoint(store, keys, until + DAY).await;
        }
    }
}

/// As maintenance and a clean stop do.
async fn save_checkpoint(store: &SqliteStore, keys: &StateKeys, now: Time) {
    let clock = Clock::start(ManualClock::new(now), None, Time::EPOCH);
    checkpoint::save(store, keys, &clock).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_crash_is_hidden_and_none_is_invented(events in proptest::collection::vec(any_event(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqliteStore::in_memory().unwrap();
            let (mut nodes, mut now) = (Nodes::default(), NOON);
            for event in events {
                if let Event::Pass(seconds) = event {
                    now = now + Duration::from_secs(seconds);
                    nodes.serve(&store, now).await;
                }
                nodes.apply(&store, event, now).await;
            }
        });
    }
}
