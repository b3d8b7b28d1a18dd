//! A verifier that floods is slowed, and thousands may wait.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::administration::Admin;
use crate::feed::{TestFollower, add_key, poll};
use crate::test_server::TestServer;

#[tokio::test]
async fn an_instance_that_floods_is_slowed_to_its_rate() {
    let limit = RateLimit { max: 20, window: Duration::from_secs(1) };
    let server = TestServer::with(|settings| settings.feed.polls_per_instance = limit).await;
    let key = add_key(&server).await;
    let mut flood = TestFollower::start(&server, &key, "a").await;
    let mut other = TestFollower::start(&server, &key, "b").await;

    let started = Instant::now();
    for _ in 0..40 {
        flood.poll(0).await;
    }
    let elapsed = started.elapsed();
    let started = Instant::now();
    other.poll(0).await;

    assert!(elapsed > Duration::from_millis(900), "40 polls took {elapsed:?}");
    assert!(started.elapsed() < Duration::from_millis(500), "another instance is not slowed");
}

#[tokio::test]
async fn a_key_that_floods_is_refused_and_other_keys_are_served() {
    let limit = RateLimit { max: 20, window: Duration::from_secs(60) };
    let server = TestServer::with(|settings| settings.feed.polls_per_key = limit).await;
    let (key, other) = (add_key(&server).await, add_key(&server).await);

    let mut statuses = Vec::new();
    for number in 0..30 {
        statuses.push(poll(&server, &key, &format!("instance=i{number}&poll=1&wait=0")).await.status);
    }

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
    let refused = poll(&server, &key, "instance=a&poll=1").await;
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true));
    assert_eq!(poll(&server, &other, "instance=a&poll=1&wait=0").await.status, 200);
    let metrics = server.app.metrics().await;
    assert!(metrics.contains(r#"counterfoil_feed_polls_total{result="refused"} 11"#), "{metrics}");
}

#[tokio::test]
async fn a_key_has_a_limited_number_of_instances() {
    let server = TestServer::with(|settings| settings.feed.max_instances_per_key = 2).await;
    let (key, other) = (add_key(&server).await, add_key(&server).await);
    for instance in ["a", "b"] {
        let response = poll(&server, &key, &format!("instance={instance}&poll=1&wait=0")).await;
        assert_eq!(response.status, 200);
    }

    let third = poll(&server, &key, "instance=c&poll=1&wait=0").await;

    assert_eq!((third.status, third.header("retry-after").is_some()), (429, true));
    assert_eq!(poll(&server, &key, "instance=a&poll=2&wait=0").await.status, 200);
    assert_eq!(poll(&server, &other, "instance=c&poll=1&wait=0").await.status, 200);
}

#[tokio::test]
async fn a_new_poll_ends_the_one_of_its_instance_that_waits() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    let follower = TestFollower::start(&server, &key, "a").await;
    let (after, log) = follower.position.clone().unwrap();
    let path = |number| format!("instance=a&poll={number}&after={after}&log={log}&wait=1000");

    let started = Instant::now();
    let first = async {
        poll(&server, &key, &path(2)).await;
        started.elapsed()
    };
    let second = async {
        sleep(Duration::from_millis(100)).await;
        poll(&server, &key, &path(3)).await;
        started.elapsed()
    };
    let (first, second) = tokio::join!(first, second);

    assert!(first < Duration::from_millis(700), "{first:?}");
    assert!(second > Duration::from_secs(1), "{second:?}");
}

/// The resident memory of this process in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_polls_wait_without_a_thread_each_and_are_all_woken() {
    // With the first follower as many as one key may have.
    const POLLS: usize = 999;
    let server: &'static TestServer = Box::leak(Box::new(TestServer::open().await));
    let key = add_key(server).await;
    let (after, log) = TestFollower::start(server, &key, "x").await.position.unwrap();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let (threads_before, memory_before) = (threads(), resident_kib());

    let mut polls = JoinSet::new();
    for number in 0..POLLS {
        let (key, log) = (key.clone(), log.clone());
        polls.spawn(async move {
            let parameters = format!("instance=i{number}&poll=1&after={after}&log={log}&wait=1000");
            poll(server, &key, &parameters).await.json()["entries"].as_array().unwrap().len()
        });
    }
    let admin = Admin::new(server).await;
    // As many as have arrived: on a slow machine the first ones end before the last ones arrive.
    let mut waiting = 0;
    for _ in 0..20 {
        sleep(Duration::from_millis(20)).await;
        let metrics = server.app.metrics().await;
        let line = metrics.lines().find_map(|line| line.strip_prefix("counterfoil_feed_waiting_polls "));
        waiting = waiting.max(line.unwrap().parse::<usize>().unwrap());
    }
    let memory_kib = resident_kib().saturating_sub(memory_before);
    admin.revoke("client:default").await;

    let mut woken = 0;
    while let Some(entries) = polls.join_next().await {
        woken += entries.unwrap();
    }
    println!("{waiting} waited, {woken} were woken, {memory_kib} KiB");
    assert!(waiting > 100 && woken >= waiting / 2, "{waiting} waited, {woken} were woken");
    // The blocking threads of lists, and nothing for the polls.
    assert!(threads() < threads_before + 50, "{} threads", threads());
    // Both ends of each connection are in this process.
    assert!(memory_kib < 150_000, "{memory_kib} KiB for {POLLS} polls");
}
