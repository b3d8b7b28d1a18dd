//! What a poll answers, and when.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use counterfoil_jose::{base64url, digest};

use crate::administration::Admin;
use crate::client::Request;
use crate::feed::{TestFollower, add_key, poll};
use crate::test_server::{TestServer, text};

/// Far longer than any poll takes to be woken, also on a busy machine.
const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_first_poll_gets_a_snapshot_of_all_revocations() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    admin.revoke("client:default").await;
    server.register("ada").await;
    let login = server.login("ada", "jwt").await;
    let session = format!("session:{}", text(&login["session"], "id"));
    let position = admin.revoke(&session).await["position"].clone();
    let key = add_key(&server).await;

    let response = poll(&server, &key, "instance=b2a9&poll=17&wait=0").await;

    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = response.json();
    assert_eq!((&body["instance"], &body["poll"]), (&"b2a9".into(), &17.into()));
    assert_eq!((&body["snapshot"], &body["lease_ms"]), (&true.into(), &3000.into()));
    assert_eq!((&body["head"], &body["next"]), (&position, &position));
    let subjects: Vec<_> =
        body["entries"].as_array().unwrap().iter().map(|entry| text(entry, "subject")).collect();
    assert_eq!(subjects, ["client:default", session.as_str()]);
    let until = body["entries"][1]["until"].as_u64().unwrap();
    assert!(until > body["now"].as_u64().unwrap());
}

#[tokio::test]
async fn a_poll_waits_until_a_logout_and_is_answered_at_once() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let key = add_key(&server).await;
    let mut follower = TestFollower::start(&server, &key, "a").await;
    let access_token = text(&login, "access_token").to_owned();

    let logout = async {
        sleep(Duration::from_millis(100)).await;
        let response = Request::post("/v1/logout").bearer(&access_token).send(&server).await;
        assert_eq!(response.status, 204);
        Instant::now()
    };
    let polled = async {
        let feed = follower.poll(900).await;
        (feed, Instant::now())
    };
    let (logged_out, (feed, woken)) = tokio::join!(logout, polled);

    assert!(woken.saturating_duration_since(logged_out) < SOON, "it waited until the end");
    assert_eq!(feed.entries.len(), 1);
    assert_eq!(follower.subjects, [format!("session:{}", text(&login["session"], "id"))]);
    assert!(!feed.snapshot && feed.is_complete());
}

#[tokio::test]
async fn without_revocations_a_poll_ends_when_its_wait_is_over_and_at_a_third_of_the_lease_at_the_latest() {
    let server = TestServer::with(|settings| settings.feed.lease = Duration::from_millis(900)).await;
    let key = add_key(&server).await;
    let mut follower = TestFollower::start(&server, &key, "a").await;

    for (wait_ms, at_least, at_most) in [(0, 0, 150), (100, 100, 280), (60_000, 300, 800)] {
        let started = Instant::now();
        let feed = follower.poll(wait_ms).await;
        let waited = started.elapsed().as_millis();
        assert!((at_least..=at_most).contains(&waited), "{wait_ms}: {waited} ms");
        assert!(feed.entries.is_empty() && feed.is_complete() && !feed.snapshot);
    }
}

#[tokio::test]
async fn a_position_that_cannot_be_continued_gets_a_snapshot() {
    let server = TestServer::open().await;
    Admin::new(&server).await.revoke("client:default").await;
    let key = add_key(&server).await;
    let (head, log) = TestFollower::start(&server, &key, "a").await.position.unwrap();

    let other_log = "AAAAAAAAAAAAAAAAAAAAAA";
    for (poll_number, position) in [
        format!("after={head}&log={other_log}"),
        format!("after={head}"),
        format!("log={log}"),
        format!("after={}&log={log}", head + 1),
        format!("after={}&log={log}", u64::MAX),
    ]
    .into_iter()
    .enumerate()
    {
        let response = poll(&server, &key, &format!("instance=b&poll={}&{position}", poll_number + 1)).await;
        let body = response.json();
        assert_eq!(body["snapshot"], true, "{position}: {body}");
        assert_eq!(body["entries"].as_array().unwrap().len(), 1, "{position}");
    }
}

#[tokio::test]
async fn a_verifier_that_is_ahead_of_the_store_raises_an_alarm() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    let (head, log) = TestFollower::start(&server, &key, "a").await.position.unwrap();

    poll(&server, &key, &format!("instance=a&poll=9&after={}&log={log}", head + 1)).await;

    let metrics = server.app.metrics().await;
    assert!(metrics.contains(r#"counterfoil_feed_snapshots_total{reason="beyond_head"} 1"#), "{metrics}");
}

#[tokio::test]
async fn keys_is_the_hash_of_the_jwks_and_changes_with_the_entry_of_a_revoked_key() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    let mut follower = TestFollower::new(&server, &key, "a");
    let hash_of_jwks = async || {
        let jwks = Request::get("/.well-known/jwks.json").send(&server).await;
        (base64url::encode(digest::sha256(&jwks.body)), jwks.json()["keys"][0]["kid"].clone())
    };
    let (before, kid) = hash_of_jwks().await;
    assert_eq!(follower.poll(0).await.keys, before);

    let admin = Admin::new(&server).await;
    let subject = format!("key:{}", kid.as_str().unwrap());
    let (feed, _) = tokio::join!(follower.poll(900), admin.revoke(&subject));

    let (after, _) = hash_of_jwks().await;
    assert_ne!(before, after);
    assert_eq!(feed.keys, after, "the entry of the key names the key set without it");
    assert_eq!((feed.entries.len(), feed.entries[0].until), (1, None));
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let server = TestServer::open().await;
    let key = add_key(&server).await;
    let long = "a".repeat(65);

    for (parameters, field) in [
        ("poll=1", "instance"),
        ("instance=a", "poll"),
        ("instance=&poll=1", "instance"),
        ("instance=a%20b&poll=1", "instance"),
        (&format!("instance={long}&poll=1"), "instance"),
        ("instance=a&instance=b&poll=1", "instance"),
        ("instance=a&poll=-1", "poll"),
        ("instance=a&poll=one", "poll"),
        ("instance=a&poll=18446744073709551616", "poll"),
        ("instance=a&poll=1&after=-1", "after"),
        ("instance=a&poll=1&after=1.5", "after"),
        ("instance=a&poll=1&after=1&after=2", "after"),
        ("instance=a&poll=1&log=x", "log"),
        ("instance=a&poll=1&wait=soon", "wait"),
        ("instance=a&poll=1&wait=-1", "wait"),
        ("instance=a&poll=1&stale=1", "stale"),
        ("instance=a&poll=1&stale=-1", "stale"),
        ("instance=a&poll=1&since=1", "query"),
        ("", "instance"),
    ] {
        let response = poll(&server, &key, parameters).await;
        assert_eq!(response.status, 422, "{parameters}");
        assert_eq!(response.json()["errors"][0]["field"], field, "{parameters}");
    }
}
