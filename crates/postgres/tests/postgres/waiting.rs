//! Locks that other programs hold, and transactions that get in the way of each other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::{ClientInfo, EndReason, SessionEnd};
use counterfoil_core::store::{
    Change, CommitOutcome, CutoffScope, Expectation, Page, SessionEnding, Store, StoreError, Transaction,
};
use counterfoil_postgres::PostgresStore;
use counterfoil_test_support::PostgresServer;
use counterfoil_verify::ClientId;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cutting_proxy::CuttingProxy;
use crate::fixture::{NOON, insert, insert_when_recovered, open, server, session, user};

/// Makes PostgreSQL refuse the first `count` insertions of metadata with this error code.
fn refuse_metadata(url: &str, count: u32, code: &str) {
    let server = server().unwrap();
    server.sql(
        url,
        &format!(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('attempts') <= {count} THEN
                     RAISE EXCEPTION 'try again' USING ERRCODE = '{code}';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON metadata FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    );
}

async fn set_metadata(store: &PostgresStore) -> Result<CommitOutcome, StoreError> {
    store.commit(&Transaction::new([Change::set_metadata("key", vec![1])])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_others_were_in_the_way_of_is_tried_again_three_times() {
    let Some(server) = server() else { return };
    for code in ["40001", "40P01"] {
        let url = server.new_database();
        let store = open(&url).await;
        refuse_metadata(&url, 3, code);

        let outcome = set_metadata(&store).await;

        assert!(matches!(outcome, Ok(CommitOutcome::Applied(_))), "{code}: {outcome:?}");
        assert_eq!(store.metadata("key").await.unwrap(), Some(vec![1]));
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_never_succeeds_is_refused_and_changes_nothing() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    refuse_metadata(&url, 1000, "40001");

    let outcome = set_metadata(&store).await;

    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    assert_eq!(server.sql(&url, "SELECT last_value FROM attempts"), "4");
    assert_eq!(store.metadata("key").await.unwrap(), None);
    assert!(matches!(insert(&store, 1).await, Ok(CommitOutcome::Applied(_))), "the store continues");
    store.close().await.unwrap();
}

/// A network has a round trip of a millisecond or more: a transaction must not wait for the answer to each statement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_statements_do_not_depend_on_each_other_takes_one_round_trip() {
    let Some(server) = server() else { return };
    let proxy = CuttingProxy::start(server);
    let store = open(&proxy.url(&server.new_database())).await;
    let transaction = |number: u32| {
        let event = AuditEvent::by_user(
            AuditEventKind::UserRegistered,
            user(number).id,
            &ClientInfo::default(),
            NOON,
        );
        Transaction::new([Change::insert_user(user(number)), Change::record_event(event)])
            .expecting([Expectation::ClientRevision(ClientId::default(), 0)])
    };
    let mut fewest = u64::MAX;
    for number in 1..=20 {
        proxy.delay(Duration::from_millis(50));

        let outcome = store.commit(&transaction(number)).await;

        // The first one prepares the statements, tests of the connection count too, and a busy machine parts a message in two.
        fewest = fewest.min(proxy.delay(Duration::ZERO));
        assert!(matches!(outcome, Ok(CommitOutcome::Applied(_))), "{outcome:?}");
        if fewest == 1 {
            break;
        }
    }
    assert_eq!(fewest, 1);
    store.close().await.unwrap();
}

/// Other commits wait meanwhile: the first answer says what to record. The position is taken with the commit, so nothing is on
/// its way while the row of the log head is locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_takes_two_round_trips() {
    let Some(server) = server() else { return };
    let proxy = CuttingProxy::start(server);
    let store = open(&proxy.url(&server.new_database())).await;
    assert!(matches!(insert(&store, 1).await, Ok(CommitOutcome::Applied(_))));
    let mut fewest = u64::MAX;
    for number in 0..20 {
        let session = session(number, user(1).id);
        let end = SessionEnd { at: NOON, reason: EndReason::Logout };
        let event =
            AuditEvent::by_user(AuditEventKind::SessionEnded, user(1).id, &ClientInfo::default(), NOON);
        let ending = [
            Change::end_session(session.id, SessionEnding { end, remember_until: NOON }),
            Change::record_session_ends(event),
        ];
        let inserted = store.commit(&Transaction::new([Change::insert_session(session)])).await;
        assert!(matches!(inserted, Ok(CommitOutcome::Applied(_))), "{inserted:?}");
        proxy.delay(Duration::from_millis(50));

        let outcome = store.commit(&Transaction::new(ending)).await;

        // The first one prepares the statements, tests of the connection count too, and a busy machine parts a message in two.
        fewest = fewest.min(proxy.delay(Duration::ZERO));
        let Ok(CommitOutcome::Applied(applied)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(applied.derived_events.len(), 1);
        let head = store.revocation_log_head().await.unwrap();
        assert_eq!(applied.entries.iter().map(|entry| entry.position).collect::<Vec<_>>(), [head]);
        if fewest == 2 {
            break;
        }
    }
    assert_eq!(fewest, 2);
    store.close().await.unwrap();
}

/// A command that has the store alone takes the time that it needs: each update of a row takes six milliseconds here, so all of
/// them take longer than a request may, and those of one statement longer than its statement may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_keeps_many_sessions_takes_longer_than_a_request_may() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    open(&url).await.close().await.unwrap();
    let fill = include_str!("../../src/statement_plans/large_store.sql");
    server.sql(&url, &format!("SET test.users = '1000'; {fill}"));
    let store = PostgresStore::open_alone(&url.parse().unwrap()).await.unwrap();
    server.sql(
        &url,
        "CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_sleep(0.006); RETURN NEW; END $$;
         CREATE TRIGGER delay BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION delay()",
    );

    let changes = [Change::refresh_cookie_positions(), Change::set_cutoff(CutoffScope::Everyone)];
    let outcome = store.commit(&Transaction::new(changes)).await;

    assert!(matches!(outcome, Ok(CommitOutcome::Applied(_))), "{outcome:?}");
    let count = "SELECT count(*) FILTER (WHERE position = cutoff AND revision = 1 AND ended_at IS NULL)
         || ' ' || count(*) FILTER (WHERE position < cutoff AND revision = 0 AND ended_at IS NOT NULL)
         FROM sessions, revocation_log_head";
    assert_eq!(server.sql(&url, count), "2000 1000", "in three full portions");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_another_program_holds_delays_a_commit_for_two_seconds_at_most() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    assert!(matches!(insert(&store, 1).await, Ok(CommitOutcome::Applied(_))));
    let holder = {
        let url = url.clone();
        std::thread::spawn(move || {
            server.sql(&url, "BEGIN; SELECT 1 FROM users FOR UPDATE; SELECT pg_sleep(4)");
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;

    let started = Instant::now();
    let blocked = Transaction::new([Change::replace_user(user(1).next_epoch())]);
    let outcome = store.commit(&blocked).await;

    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(matches!(insert(&store, 2).await, Ok(CommitOutcome::Applied(_))), "others are not affected");
    assert!(store.user(user(1).id).await.unwrap().is_some());
    holder.join().unwrap();
    assert!(matches!(store.commit(&blocked).await, Ok(CommitOutcome::Applied(_))));
    store.close().await.unwrap();
}

/// Another program holds the users for this many seconds.
async fn lock_users(server: &'static PostgresServer, url: &str, seconds: u32) -> JoinHandle<String> {
    let lock = format!("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds})");
    let of_holder = url.to_owned();
    let holder = std::thread::spawn(move || server.sql(&of_holder, &lock));
    let is_locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
                     AND relation = 'users'::regclass";
    while server.sql(url, is_locked) == "0" {
        sleep(Duration::from_millis(20)).await;
    }
    holder
}

/// Two lists are read at a time, and each may take long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_waits_for_the_lists_before_it_for_longer_than_a_connection_may_take() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    assert!(matches!(insert(&store, 1).await, Ok(CommitOutcome::Applied(_))));
    let holder = lock_users(server, &url, 5).await;

    let lists: JoinSet<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            async move { store.users(Page { after: None, limit: 10 }).await }
        })
        .collect();

    for users in lists.join_all().await {
        assert_eq!(users.unwrap().len(), 1);
    }
    holder.join().unwrap();
    store.close().await.unwrap();
}

/// When the database answers slowly, requests must neither open more connections than the pool has, nor wait longer than they may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_reads_on_a_slow_database_opens_no_more_connections_and_ends_in_time() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    let holder = lock_users(server, &url, 8).await;

    let started = Instant::now();
    let mut reads = JoinSet::new();
    for _ in 0..1500 {
        let store = Arc::clone(&store);
        reads.spawn(async move { store.user(user(1).id).await });
    }
    let connections = "SELECT count(*) FROM pg_stat_activity
                       WHERE application_name = 'counterfoil' AND datname = current_database()";
    let metrics = store.metrics();
    let (mut most, mut waiting) = (0, 0);
    while !reads.is_empty() && started.elapsed() < Duration::from_secs(7) {
        waiting = waiting.max(metrics.reads_waiting.load(Ordering::SeqCst));
        most = most.max(server.sql(&url, connections).parse::<u32>().unwrap());
        while let Some(read) = reads.try_join_next() {
            let outcome = read.unwrap();
            assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
        }
    }

    assert_eq!(reads.len(), 0, "some still wait after {:?}", started.elapsed());
    // Eight that read, and the one that writes.
    assert!(most <= 9, "{most} connections");
    let refused = metrics.reads_refused.load(Ordering::SeqCst);
    assert!(waiting > 0 && (400..=1500).contains(&refused), "{waiting} waited, {refused} were refused");
    assert_eq!(metrics.reads_waiting.load(Ordering::SeqCst), 0);
    holder.join().unwrap();
    assert!(store.user(user(1).id).await.unwrap().is_none(), "the pool continues");
    store.close().await.unwrap();
}

/// The server accepts a connection, and then each answer takes long. The limits of the pool end before the session is set up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_of_a_connection_counts_to_the_time_that_it_may_take() {
    let Some(server) = server() else { return };
    let proxy = CuttingProxy::start(server);
    let store = open(&proxy.url(&server.new_database())).await;
    proxy.delay(Duration::from_millis(1600));

    let started = Instant::now();
    let outcome = store.user(user(1).id).await;

    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    // A second for a free connection and three for a new one. Three round trips take longer, and the statement another one.
    assert!(started.elapsed() < Duration::from_millis(5_100), "{:?}", started.elapsed());
    proxy.delay(Duration::ZERO);
    insert_when_recovered(&store, 1).await;
    assert!(store.user(user(1).id).await.unwrap().is_some());
    store.close().await.unwrap();
}

/// The lock of commits ends with the process that holds it: at once if it was killed, and after two seconds if it stands still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_continue_when_the_process_that_holds_their_lock_is_killed_or_stands_still() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    let take = "SET idle_in_transaction_session_timeout = 2000;
                BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('counterfoil commit ' || current_schema(), 0))";
    for (number, is_killed) in [(1, true), (2, false)] {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let process = tokio::spawn(connection);
        client.batch_execute(take).await.unwrap();
        let started = Instant::now();
        if is_killed {
            process.abort();
        }

        insert_when_recovered(&store, number).await;

        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
    store.close().await.unwrap();
}
