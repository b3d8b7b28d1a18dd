//! Connections that are cut and servers that crash: what was confirmed is there, and what was refused is not.

use std::num::NonZeroU32;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use counterfoil_core::model::session::{EndReason, SessionEnd};
use counterfoil_core::store::{Change, CommitOutcome, SessionEnding, Store, StoreError, Transaction};
use counterfoil_postgres::{OpenError, PostgresStore};
use counterfoil_test_support::{PostgresServer, skip};
use counterfoil_verify::RevocationPosition;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cutting_proxy::{Cut, CuttingProxy};
use crate::fixture::{CountingListener, NOON, insert, insert_when_recovered, open, server, session, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_reported_as_it_was_decided() {
    let Some(server) = server() else { return };
    let direct = server.new_database();
    let proxy = CuttingProxy::start(server);
    let store = open(&proxy.url(&direct)).await;
    let listener = Arc::new(CountingListener::default());
    store.subscribe(listener.clone());

    for (number, cut) in [(1, Cut::Answer), (2, Cut::Request), (3, Cut::Late), (4, Cut::Answer)] {
        let (commits, failures) = listener.counts();
        proxy.cut_next(cut);

        let outcome = insert(&store, number).await;

        let is_stored =
            server.sql(&direct, &format!("SELECT count(*) FROM users WHERE username = 'user{number:05}'"));
        match cut {
            Cut::Answer => assert!(matches!(outcome, Ok(CommitOutcome::Applied(_))), "{cut:?}: {outcome:?}"),
            _ => assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{cut:?}: {outcome:?}"),
        }
        assert_eq!(is_stored == "1", cut == Cut::Answer, "{cut:?}");
        let is_committed = usize::from(cut == Cut::Answer);
        assert_eq!(listener.counts(), (commits + is_committed, failures + 1), "{cut:?}");
        // The same store continues, and a commit that arrives late finds another writer.
        sleep(Duration::from_millis(200)).await;
        insert_when_recovered(&store, number + 100).await;
        assert_eq!(
            server.sql(&direct, &format!("SELECT count(*) FROM users WHERE username = 'user{number:05}'")),
            is_stored,
            "{cut:?}"
        );
    }
    store.close().await.unwrap();
}

/// The position of a revocation is in the answer that was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_has_its_position_when_the_answer_to_its_commit_was_lost() {
    let Some(server) = server() else { return };
    let direct = server.new_database();
    let proxy = CuttingProxy::start(server);
    let store = open(&proxy.url(&direct)).await;
    insert_when_recovered(&store, 1).await;
    let sessions = [1, 2].map(|number| session(number, user(1).id));
    let inserted = sessions.each_ref().map(|session| Change::insert_session(session.clone()));
    assert!(matches!(store.commit(&Transaction::new(inserted)).await, Ok(CommitOutcome::Applied(_))));
    let end = SessionEnd { at: NOON, reason: EndReason::Logout };
    let ending = SessionEnding { end, remember_until: NOON };
    let ends = sessions.each_ref().map(|session| Change::end_session(session.id, ending));
    proxy.cut_next(Cut::Answer);

    let outcome = store.commit(&Transaction::new(ends)).await;

    let Ok(CommitOutcome::Applied(applied)) = outcome else { panic!("{outcome:?}") };
    let start = RevocationPosition::START;
    let page = store.revocation_log_after(start, NonZeroU32::new(10).unwrap()).await.unwrap();
    assert_eq!(applied.entries, page.entries);
    assert_eq!(applied.entries.len(), 2);
    store.close().await.unwrap();
}

/// Inserts users from several tasks until it is stopped. Returns the numbers of those that were confirmed and of those that
/// were refused.
pub(crate) fn start_load(
    store: &Arc<PostgresStore>,
    stop: &Arc<AtomicBool>,
) -> JoinSet<(Vec<u32>, Vec<u32>)> {
    let next = Arc::new(AtomicU32::new(1000));
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (store, stop, next) = (Arc::clone(store), Arc::clone(stop), Arc::clone(&next));
        tasks.spawn(async move {
            let (mut confirmed, mut refused) = (Vec::new(), Vec::new());
            while !stop.load(Ordering::SeqCst) {
                let number = next.fetch_add(1, Ordering::SeqCst);
                match insert(&store, number).await {
                    Ok(CommitOutcome::Applied(_)) => confirmed.push(number),
                    Ok(CommitOutcome::Conflict(part)) => panic!("{number}: {part:?}"),
                    Err(StoreError::Unavailable { .. } | StoreError::Backend(_)) => {
                        refused.push(number);
                        sleep(Duration::from_millis(5)).await;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            (confirmed, refused)
        });
    }
    tasks
}

/// Everything that was confirmed is stored, and nothing that was refused.
async fn check(store: &PostgresStore, outcomes: Vec<(Vec<u32>, Vec<u32>)>) {
    let mut count = 0;
    for (confirmed, refused) in outcomes {
        for (numbers, is_confirmed) in [(&confirmed, true), (&refused, false)] {
            for number in numbers {
                let stored = store.user(user(*number).id).await.unwrap();
                assert_eq!(stored.is_some(), is_confirmed, "user {number}");
                count += usize::from(is_confirmed);
            }
        }
    }
    assert!(count > 20, "only {count} commits were confirmed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_the_server_that_are_ended_lose_nothing_and_invent_nothing() {
    let Some(server) = server() else { return };
    let url = server.new_database();
    let store = open(&url).await;
    let stop = Arc::new(AtomicBool::new(false));
    let load = start_load(&store, &stop);

    for _ in 0..10 {
        sleep(Duration::from_millis(90)).await;
        server.sql(
            &url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'counterfoil' AND datname = current_database()",
        );
    }
    insert_when_recovered(&store, 1).await;
    stop.store(true, Ordering::SeqCst);

    check(&store, load.join_all().await).await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_recovers_loses_nothing_and_invents_nothing() {
    let Some(server) = PostgresServer::own() else { return skip("PostgreSQL is not installed") };
    let url = server.new_database();
    let store = open(&url).await;
    let stop = Arc::new(AtomicBool::new(false));
    let load = start_load(&store, &stop);

    for _ in 0..2 {
        sleep(Duration::from_millis(300)).await;
        // PostgreSQL ends every session and recovers from its write-ahead log when one of its processes is killed.
        let writer = server
            .sql(&url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'counterfoil' ORDER BY backend_start LIMIT 1");
        assert!(Command::new("kill").args(["-KILL", &writer]).status().unwrap().success());
        sleep(Duration::from_millis(300)).await;
        insert_when_recovered(&store, user_number_after_crash(&store).await).await;
    }
    stop.store(true, Ordering::SeqCst);

    check(&store, load.join_all().await).await;
    store.close().await.unwrap();
}

/// A number below those of the load that is not used yet.
async fn user_number_after_crash(store: &PostgresStore) -> u32 {
    for number in 1..1000 {
        loop {
            match store.user(user(number).id).await {
                Ok(None) => return number,
                Ok(Some(_)) => break,
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }
    unreachable!("the test inserts two of them")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_cut_off_while_a_program_had_the_store_for_itself_is_refused_until_it_is_restarted()
 {
    let Some(server) = server() else { return };
    let direct = server.new_database();
    let proxy = CuttingProxy::start(server);
    let store = open(&proxy.url(&direct)).await;
    let listener = Arc::new(CountingListener::default());
    store.subscribe(listener.clone());
    let url = direct.parse().unwrap();
    let refused = PostgresStore::open_alone(&url).await;
    assert!(matches!(refused, Err(OpenError::InUse { .. })), "{refused:?}");

    proxy.accept(false);
    server.sql(
        &direct,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let alone = PostgresStore::open_alone(&url).await.unwrap();
    let beside = PostgresStore::open(&url).await;
    assert!(matches!(beside, Err(OpenError::InUse { .. })), "{beside:?}");
    insert_when_recovered(&alone, 1).await;
    alone.close().await.unwrap();
    proxy.accept(true);

    let last = loop {
        match insert(&store, 2).await {
            Err(StoreError::Unavailable { .. }) => sleep(Duration::from_millis(50)).await,
            other => break other,
        }
    };
    assert!(matches!(last, Err(StoreError::Poisoned)), "{last:?}");
    assert!(matches!(store.user(user(1).id).await, Err(StoreError::Poisoned)), "it reads nothing either");
    assert_eq!(server.sql(&direct, "SELECT count(*) FROM users"), "1");
    assert!(listener.counts().1 > 0, "the session cache was emptied");
    let again = open(&direct).await;
    insert_when_recovered(&again, 2).await;
    again.close().await.unwrap();
}
