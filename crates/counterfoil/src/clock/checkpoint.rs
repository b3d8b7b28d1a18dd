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
    source: impl ClockSource,
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
    let clock = Clock::start(source, checkpoint_of(keys, &checkpoints), newest);
    if clock.ahead_at_start() > CLOCK_JUMP_THRESHOLD {
        tracing::warn!(
            seconds = clock.ahead_at_start().as_secs(),
            "the system clock is behind the newest time in the store, which is used instead; if the system clock \
             is right, run `counterfoil clock accept` and restart"
        );
    }
    forget(store, clock.checkpoint(), (CHECKPOINT, &checkpoints)).await?;
    forget(store, clock.checkpoint(), (DISTRUSTED_UNTIL, &distrusted)).await?;
    Ok(clock)
}

/// The checkpoint from which this node continues: its own. A node without one, and the only process of a store, continue from
/// the latest: the store may have been another node's before.
fn checkpoint_of(keys: &StateKeys, checkpoints: &[Saved]) -> Option<Time> {
    let own = checkpoints.iter().find(|(owner, _)| owner == keys.node()).map(|(_, time)| *time);
    let latest = checkpoints.iter().map(|(_, time)| *time).max();
    if keys.is_only_process() { latest } else { own.or(latest) }
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

async fn running_nodes(store: &dyn Store) -> Result<Vec<NodeRow>, StoreError> {
    match store.node_registry() {
        Some(registry) => registry.nodes().await,
        None => Ok(Vec::new()),
    }
}

/// The checkpoints of all nodes, or that of the only process.
pub(crate) async fn saved(store: &dyn Store) -> Result<Vec<Saved>, StoreError> {
    stored_times(store, CHECKPOINT).await
}

/// Saves the checkpoint for the next start.
pub(crate) async fn save(store: &dyn Store, keys: &StateKeys, clock: &Clock) -> Result<(), StoreError> {
    commit(store, vec![set_time(CHECKPOINT, keys.node(), clock.checkpoint())]).await
}

/// Saves that an operator has accepted the clock, with its audit event, in one commit. A restart right after
/// it uses the accepted time.
pub(crate) async fn accept(
    store: &dyn Store,
    keys: &StateKeys,
    (clock, accepted): (&Clock, AcceptedClock),
    audit_event: Change,
) -> Result<(), StoreError> {
    let mut changes = vec![audit_event, set_time(CHECKPOINT, keys.node(), clock.checkpoint())];
    let distrust = || set_time(DISTRUSTED_UNTIL, keys.process(), UNTIL_RESTART);
    changes.extend(accepted.needs_restart().then(distrust));
    commit(store, changes).await
}

/// Removes what nodes have left that did not come back.
async fn forget(store: &dyn Store, now: Time, (prefix, saved): (&str, &[Saved])) -> Result<(), StoreError> {
    let is_old = |(_, time): &&Saved| *time != UNTIL_RESTART && *time + RETENTION < now;
    let old = saved.iter().filter(is_old);
    commit(store, old.map(|(owner, _)| Change::remove_metadata(format!("{prefix}{owner}"))).collect()).await
}

fn set_time(prefix: &str, owner: &str, time: Time) -> Change {
    Change::set_metadata(format!("{prefix}{owner}"), time.unix_ms().to_be_bytes().to_vec())
}

async fn stored_times(store: &dyn Store, prefix: &str) -> Result<Vec<Saved>, StoreError> {
    let corrupt = |_| StoreError::Corrupt { detail: "a clock checkpoint", source: None };
    let read = |(key, bytes): (String, Vec<u8>)| {
        let ms = bytes.try_into().map(u64::from_be_bytes).map_err(corrupt)?;
        let owner = key.strip_prefix(prefix).unwrap_or_default().to_owned();
        Ok((owner, Time::from_unix_ms(ms)))
    };
    store.metadata_with_prefix(prefix).await?.into_iter().map(read).collect()
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
mod tests {
    use std::sync::Arc;

    use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
    use counterfoil_core::model::session::ClientInfo;
    use counterfoil_sqlite::SqliteStore;
    use counterfoil_verify::UserId;

    use super::*;
    use crate::clock::manual::ManualClock;

    const NOON: Time = Time::from_unix_ms(1_764_000_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn node(name: &str) -> StateKeys {
        StateKeys::of_node(&format!("process of {name}"), name)
    }

    /// An event at this time, as a request records it.
    fn event(at: Time) -> Change {
        let user = UserId::from_bytes([1; 16]);
        Change::record_event(AuditEvent::by_user(
            AuditEventKind::LoginSucceeded,
            user,
            &ClientInfo::default(),
            at,
        ))
    }

    async fn start_at(store: &dyn Store, keys: &StateKeys, wall: Time) -> Clock {
        start(store, keys, ManualClock::new(wall)).await.unwrap()
    }

    #[tokio::test]
    async fn a_node_continues_from_its_own_checkpoint_and_a_new_one_from_the_latest() {
        let store = SqliteStore::in_memory().unwrap();
        for (name, time) in [("a", NOON), ("b", NOON + DAY)] {
            save(&*store, &node(name), &Clock::start(ManualClock::new(time), None, Time::EPOCH))
                .await
                .unwrap();
        }
        let before = NOON - DAY;
        assert_eq!(start_at(&*store, &node("a"), before).await.now(), NOON, "b is ahead by a day");
        assert_eq!(start_at(&*store, &node("b"), before).await.now(), NOON + DAY);
        assert_eq!(start_at(&*store, &node("c"), before).await.now(), NOON + DAY);
        // The store was moved into a file.
        let only = StateKeys::new(&*store, "a");
        assert_eq!(start_at(&*store, &only, before).await.now(), NOON + DAY);
    }

    #[tokio::test]
    async fn what_nodes_have_left_that_do_not_come_back_is_removed() {
        let store = SqliteStore::in_memory().unwrap();
        save(&*store, &node("a"), &Clock::start(ManualClock::new(NOON), None, Time::EPOCH)).await.unwrap();
        commit(&*store, vec![set_time(DISTRUSTED_UNTIL, "process of a", NOON)]).await.unwrap();

        start_at(&*store, &node("b"), NOON + RETENTION).await;
        assert_eq!(saved(&*store).await.unwrap().len(), 1);
        start_at(&*store, &node("b"), NOON + RETENTION + DAY).await;

        assert!(store.metadata_with_prefix("clock_").await.unwrap().is_empty());
    }

    /// Node a is ahead by a day, and an operator has declared that. Another node that starts reads the records of a too.
    #[cfg(feature = "postgres")]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_start_of_another_node_does_not_lift_the_distrust_while_the_wrong_clock_runs() {
        use counterfoil_postgres::PostgresStore;
        use counterfoil_test_support::{PostgresServer, skip};

        let Some(server) = PostgresServer::shared() else { return skip("PostgreSQL is not installed") };
        let url = server.new_database().parse().unwrap();
        let [store_a, store_b, store_again] = [
            PostgresStore::open(&url).await.unwrap(),
            PostgresStore::open(&url).await.unwrap(),
            PostgresStore::open(&url).await.unwrap(),
        ];
        let named = |store: &Arc<PostgresStore>, name| StateKeys::new(&**store, name);
        let (a, b, again) = (named(&store_a, "a"), named(&store_b, "b"), named(&store_again, "a"));
        let registry = store_a.node_registry().unwrap();
        registry.join("a", Duration::from_secs(2)).await.unwrap();
        let ahead = NOON + DAY;
        let source = ManualClock::new(ahead);
        let clock_a = start(&*store_a, &a, source.clone()).await.unwrap();
        commit(&*store_a, vec![event(clock_a.now())]).await.unwrap();
        source.set_wall(NOON);
        let accepted = clock_a.accept();
        accept(&*store_a, &a, (&clock_a, accepted), event(clock_a.now())).await.unwrap();

        assert_eq!(start_at(&*store_b, &b, NOON).await.now(), NOON);
        commit(&*store_a, vec![event(ahead + CLOCK_JUMP_THRESHOLD)]).await.unwrap();
        assert_eq!(start_at(&*store_b, &b, NOON).await.now(), NOON, "what a writes afterwards");

        registry.leave().await.unwrap();
        assert_eq!(start_at(&*store_again, &again, NOON).await.now(), NOON, "its own start");
        // From here on, only records that are newer than the last of a count.
        commit(&*store_b, vec![event(NOON + CLOCK_JUMP_THRESHOLD)]).await.unwrap();
        assert_eq!(start_at(&*store_b, &b, NOON).await.now(), NOON);
        let newer = ahead + 2 * CLOCK_JUMP_THRESHOLD;
        commit(&*store_b, vec![event(newer)]).await.unwrap();
        assert_eq!(start_at(&*store_b, &b, NOON).await.now(), newer);
        for store in [store_a, store_b, store_again] {
            store.close().await.unwrap();
        }
    }
}
