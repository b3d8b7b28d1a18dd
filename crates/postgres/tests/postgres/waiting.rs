//! Locks that other programs hold, and transactions that get in the way of each other.

use std::time::{Duration, Instant};

use counterfoil_core::model::audit_event::{AuditEvent, AuditEventKind};
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::store::{Change, CommitOutcome, Expectation, Store, StoreError, Transaction};
use counterfoil_postgres::PostgresStore;
use counterfoil_verify::ClientId;

use crate::cutting_proxy::CuttingProxy;
use crate::fixture::{NOON, insert, open, server, user};

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
    // The first one prepares the statements.
    assert!(matches!(store.commit(&transaction(1)).await, Ok(CommitOutcome::Applied(_))));
    proxy.delay(Duration::from_millis(300));

    let outcome = store.commit(&transaction(2)).await;

    let round_trips = proxy.delay(Duration::ZERO);
    assert!(matches!(outcome, Ok(CommitOutcome::Applied(_))), "{outcome:?}");
    // One for the transaction, and perhaps one or two for tests of the connection; with each statement on its own there
    // would be six.
    assert!((1..=3).contains(&round_trips), "{round_trips}");
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
