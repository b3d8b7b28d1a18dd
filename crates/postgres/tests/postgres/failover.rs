//! The primary is lost and its standby promoted: what was confirmed is there, and a former primary that starts again is used
//! no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use counterfoil_core::store::Store;
use counterfoil_test_support::{PostgresPair, skip};
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::fixture::{insert_when_recovered, open, user};
use crate::interruptions::start_load;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_survives_a_promotion_and_the_former_primary_is_used_no_more() {
    let Some(mut pair) = block_in_place(PostgresPair::start) else {
        skip("PostgreSQL is not installed");
        return;
    };
    pair.sql("one", "postgres", "CREATE DATABASE auth");
    let store = open(&pair.url("auth")).await;
    insert_when_recovered(&store, 1).await;
    assert!(store.user(user(1).id).await.unwrap().is_some(), "a reader is connected");
    let may_lose_commits = || store.metrics().may_lose_commits.load(Ordering::SeqCst);
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = start_load(&store, &stop);
    sleep(Duration::from_millis(300)).await;
    assert!(!may_lose_commits(), "the standby has each commit before it is confirmed");

    let killed_at = Instant::now();
    block_in_place(|| pair.kill_primary());
    block_in_place(|| pair.promote_standby());
    insert_when_recovered(&store, 2).await;
    println!("no commits for {} ms", killed_at.elapsed().as_millis());
    stop.store(true, Ordering::SeqCst);

    let (mut confirmed, mut refused) = (0, 0);
    while let Some(part) = load.join_next().await {
        let (stored, not_stored) = part.unwrap();
        for (numbers, is_stored) in [(&stored, true), (&not_stored, false)] {
            for number in numbers {
                let found = store.user(user(*number).id).await.unwrap();
                assert_eq!(found.is_some(), is_stored, "{number}");
            }
        }
        confirmed += stored.len();
        refused += not_stored.len();
    }
    println!(
        "{confirmed} commits confirmed, {refused} refused; none was lost or executed after it was refused"
    );

    let started = Instant::now();
    while !may_lose_commits() {
        assert!(started.elapsed() < Duration::from_secs(10), "the new primary has no standby");
        sleep(Duration::from_millis(20)).await;
    }

    // It accepts writes and lacks the user 2.
    block_in_place(|| pair.restart_former_primary());
    for number in 0..8 {
        let disconnect = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'auth'";
        pair.sql("two", "postgres", disconnect);
        insert_when_recovered(&store, 10 + number).await;
        // A read may be refused, but it never comes from the former primary.
        if let Ok(found) = store.user(user(2).id).await {
            assert!(found.is_some(), "it was read from the former primary");
        }
    }
    assert_eq!(
        pair.sql(
            "one",
            "auth",
            "SELECT count(*) FROM users WHERE username >= 'user00002' AND username < 'user00020'"
        ),
        "0"
    );
    store.close().await.unwrap();

    let again = open(&pair.url("auth")).await;
    assert!(again.user(user(17).id).await.unwrap().is_some(), "a start uses the server that was promoted");
    again.close().await.unwrap();
}
