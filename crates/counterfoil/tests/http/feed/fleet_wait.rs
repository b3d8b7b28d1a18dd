//! `"wait": "fleet"`: when it returns, no verifier that follows the feed accepts the subject.

use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::administration::Admin;
use crate::feed::{TestFollower, add_key, revoke_everywhere};
use crate::test_server::TestServer;

/// A short lease, so that the tests are quick.
const LEASE: Duration = Duration::from_millis(800);
/// How long the issuer counts it.
const ISSUER_LEASE: Duration = Duration::from_millis(1_000);

async fn server() -> TestServer {
    TestServer::with(|settings| settings.feed.lease = LEASE).await
}

#[tokio::test]
async fn without_verifiers_it_returns_at_once() {
    let server = server().await;

    let (answer, elapsed) = revoke_everywhere(&server, "client:default").await;

    assert_eq!((&answer["confirmed"], &answer["expired"]), (&json!(0), &json!(0)));
    assert_eq!(answer["beyond"], json!(["jwks", "status_lists"]));
    assert!(elapsed < ISSUER_LEASE, "{elapsed:?}");
}

#[tokio::test]
async fn it_returns_when_every_instance_has_acknowledged_and_not_before() {
    let server = server().await;
    let key = add_key(&server).await;
    let mut first = TestFollower::start(&server, &key, "a").await;
    let mut second = TestFollower::start(&server, &key, "b").await;

    let follow = async {
        let (a, b) = tokio::join!(first.poll(260), second.poll(260));
        assert_eq!((a.entries.len(), b.entries.len()), (1, 1));
        // The first acknowledges alone.
        first.poll(0).await;
        sleep(Duration::from_millis(100)).await;
        second.poll(0).await;
    };
    let ((answer, elapsed), ()) = tokio::join!(revoke_everywhere(&server, "client:default"), follow);

    assert_eq!((&answer["confirmed"], &answer["expired"]), (&json!(2), &json!(0)));
    assert!(elapsed > Duration::from_millis(100) && elapsed < ISSUER_LEASE, "{elapsed:?}");
}

#[tokio::test]
async fn a_verifier_that_is_cut_off_is_awaited_until_its_lease_has_run_out() {
    let server = server().await;
    let key = add_key(&server).await;
    let _cut_off = TestFollower::start(&server, &key, "a").await;

    let (answer, elapsed) = revoke_everywhere(&server, "client:default").await;

    assert_eq!((&answer["confirmed"], &answer["expired"]), (&json!(0), &json!(1)));
    assert!(elapsed > LEASE, "{elapsed:?}: the verifier was fresh");
    assert!(elapsed < ISSUER_LEASE + Duration::from_secs(1), "{elapsed:?}");
    let reported = answer["elapsed_ms"].as_u64().unwrap();
    assert!(u128::from(reported) <= elapsed.as_millis() && reported > 700, "{reported}");
}

#[tokio::test]
async fn a_lease_of_a_removed_key_is_awaited_all_the_same() {
    let server = server().await;
    let (admin, key) = (Admin::new(&server).await, add_key(&server).await);
    let _fresh = TestFollower::start(&server, &key, "a").await;
    let id = key.strip_prefix("cfv_").unwrap().split('.').next().unwrap();
    assert_eq!(admin.send("DELETE", &format!("/v1/admin/verifier-keys/{id}")).await.status, 204);

    let (answer, elapsed) = revoke_everywhere(&server, "client:default").await;

    assert!(answer["expired"] == 1 && elapsed > LEASE / 2, "{answer} {elapsed:?}");
}

#[tokio::test]
async fn a_verifier_that_accepts_stale_revocations_has_a_longer_lease() {
    let server = TestServer::with(|settings| {
        settings.feed.lease = LEASE;
        settings.feed.max_stale = Duration::from_secs(1);
    })
    .await;
    let key = add_key(&server).await;
    let response = crate::feed::poll(&server, &key, "instance=a&poll=1&stale=1").await;
    assert_eq!(response.status, 200);

    let (answer, elapsed) = revoke_everywhere(&server, "client:default").await;

    assert_eq!(answer["expired"], 1);
    assert!(elapsed > LEASE + Duration::from_secs(1), "{elapsed:?}");
}

#[tokio::test]
async fn by_default_no_verifier_key_prolongs_the_wait() {
    let server = server().await;
    let key = add_key(&server).await;
    let _fresh = TestFollower::start(&server, &key, "a").await;

    let refused = crate::feed::poll(&server, &key, "instance=b&poll=1&stale=1").await;
    let (answer, elapsed) = revoke_everywhere(&server, "client:default").await;

    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!("stale")));
    assert!(
        answer["expired"] == 1 && elapsed < LEASE * 5 / 4 + Duration::from_secs(1),
        "{answer} {elapsed:?}"
    );
}

#[tokio::test]
async fn a_wait_is_ended_by_a_shutdown_and_does_not_claim_success() {
    let server = server().await;
    let key = add_key(&server).await;
    let _cut_off = TestFollower::start(&server, &key, "a").await;
    let admin = Admin::new(&server).await;
    let body = json!({ "subject": "client:default", "wait": "fleet" });

    let close = async {
        sleep(Duration::from_millis(200)).await;
        server.app.close().await
    };
    let (response, closed) = tokio::join!(admin.send_json("POST", "/v1/revocations", &body), close);

    closed.unwrap();
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.json()["detail"].as_str().unwrap().contains("durable"), "{response:?}");
}

#[tokio::test]
async fn a_wait_longer_than_the_request_timeout_is_not_cut() {
    let server = TestServer::with(|settings| {
        settings.feed.lease = LEASE;
        settings.limits.request_timeout = Duration::from_millis(300);
    })
    .await;
    let key = add_key(&server).await;
    let _cut_off = TestFollower::start(&server, &key, "a").await;

    let (answer, _) =
        timeout(Duration::from_secs(5), revoke_everywhere(&server, "client:default")).await.unwrap();

    assert_eq!(answer["expired"], 1);
}
