//! What a verifier does while its revocations are stale, by its policy and by that of a route.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get as on_get;
use counterfoil_verify::{
    AuthError, FeedOptions, InvalidReason, Principal, RemoteVerifier, StalePolicy, StalePolicyLayer,
};
use tokio::time::{sleep, timeout};

use crate::fixture::Fixture;
use crate::followers::proxy::{Cut, Proxy};
use crate::followers::{DEADLINE, HOP, LEASE, follow_with, get, is_revoked, open, open_with, serve_shop};
use crate::issuer::Issuer;

const BOUND: Duration = Duration::from_secs(1);

/// A route that denies, one that accepts stale revocations, one that asks, and one with the policy of the verifier.
fn shop(verifier: &RemoteVerifier) -> Router {
    let route = || on_get(async |principal: Principal| principal.subject().to_owned());
    let layer = StalePolicyLayer::new;
    Router::new()
        .route("/deny", route().layer(layer(StalePolicy::Deny)))
        .route("/accept", route().layer(layer(StalePolicy::DangerAcceptStale(Duration::from_secs(3600)))))
        .route("/introspect", route().layer(layer(StalePolicy::Introspect)))
        .route("/", route())
        .layer(verifier.layer())
}

async fn statuses(issuer: &Issuer, options: FeedOptions, cut: Cut) -> [u16; 4] {
    let mut proxy = Proxy::start(issuer.address()).await;
    let options = options.base_url(&proxy.url()).unwrap();
    let verifier = follow_with(issuer, options).await;
    let address = serve_shop(shop(&verifier)).await;
    let token = issuer.issue_token("orders:read").await;
    proxy.set(cut).await;
    sleep(LEASE + HOP).await;
    assert!(!verifier.freshness().unwrap().is_fresh());
    let mut statuses = [0; 4];
    for (status, path) in statuses.iter_mut().zip(["/", "/deny", "/accept", "/introspect"]) {
        *status = get(address, path, &token).await.status;
    }
    statuses
}

#[tokio::test]
async fn a_route_overrides_the_policy_of_its_verifier() {
    let fixture = Fixture::new();
    let issuer = open_with(&fixture, |settings| settings.feed.max_stale = Duration::from_secs(60)).await;
    let options = || FeedOptions::new(&issuer.verifier_key);

    let cut = Cut::PortDropped;
    let lets_routes = options().danger_let_routes_accept_stale(Duration::from_secs(60));
    let accepts = options().stale_policy(StalePolicy::DangerAcceptStale(Duration::from_secs(60)));
    let (denies, lets_routes, accepts) = tokio::join!(
        statuses(&issuer, options(), cut),
        statuses(&issuer, lets_routes, cut),
        statuses(&issuer, accepts, cut),
    );

    assert_eq!(denies, [503, 503, 503, 503], "no route accepts for longer than the issuer was told");
    assert_eq!(lets_routes, [503, 503, 200, 503]);
    assert_eq!(accepts, [200, 503, 200, 503]);
    issuer.server.shut_down().await;
}

/// A revoked credential must not be served by a handler that reads no principal.
#[tokio::test]
async fn a_required_authentication_holds_for_the_policy_of_a_route() {
    let fixture = Fixture::new();
    let issuer = open_with(&fixture, |settings| settings.feed.max_stale = Duration::from_secs(60)).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    let options = FeedOptions::new(&issuer.verifier_key).base_url(&proxy.url()).unwrap();
    let accepts = options.stale_policy(StalePolicy::DangerAcceptStale(Duration::from_secs(60)));
    let verifier = follow_with(&issuer, accepts).await;
    let file = || on_get(async || "a file");
    let router = Router::new()
        .route("/", file())
        .route("/deny", file().layer(StalePolicyLayer::new(StalePolicy::Deny)))
        .route("/introspect", file().layer(StalePolicyLayer::new(StalePolicy::Introspect)))
        .layer(verifier.layer().require_authentication());
    let address = serve_shop(router).await;
    let token = issuer.issue_token("orders:read").await;
    proxy.set(Cut::PortDropped).await;
    sleep(LEASE + HOP).await;

    for (path, status) in [("/", 200), ("/deny", 503), ("/introspect", 503)] {
        assert_eq!(get(address, path, &token).await.status, status, "{path}");
    }
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn stale_revocations_are_accepted_for_their_bound_only_and_the_issuer_counts_on_it() {
    let fixture = Fixture::new();
    let issuer = open_with(&fixture, |settings| settings.feed.max_stale = BOUND).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    let options = FeedOptions::new(&issuer.verifier_key)
        .stale_policy(StalePolicy::DangerAcceptStale(BOUND))
        .base_url(&proxy.url())
        .unwrap();
    let verifier = follow_with(&issuer, options).await;
    let token = issuer.issue_token("orders:read").await;
    let subject = verifier.verify(&token).await.unwrap().session_id().unwrap();

    proxy.set(Cut::PortDropped).await;
    let cut_at = Instant::now();
    let form = format!(r#"{{"subject":"session:{subject}","wait":"fleet"}}"#);
    let wait = issuer.send("POST /v1/revocations", &issuer.admin_key, &form);
    let accepted = async {
        while verifier.verify(&token).await.is_ok() {
            assert!(cut_at.elapsed() < LEASE + BOUND + HOP, "it is still accepted");
            sleep(Duration::from_millis(5)).await;
        }
        Instant::now()
    };
    let (reply, accepted_until) = tokio::join!(async { (wait.await, Instant::now()) }, accepted);

    assert!(accepted_until - cut_at > BOUND, "{:?}", accepted_until - cut_at);
    assert!(reply.1 > accepted_until, "the wait was over before: {:?}", reply.0);
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn a_bound_that_the_issuer_does_not_allow_is_named() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let options = FeedOptions::new(&issuer.verifier_key).danger_let_routes_accept_stale(BOUND);
    let verifier = RemoteVerifier::builder(issuer.tokens()).feed(options).start().unwrap();
    let token = issuer.issue_token("orders:read").await;

    assert_eq!(verifier.verify(&token).await, Err(AuthError::StaleRevocations));
    let line = verifier.freshness().unwrap().to_string();
    assert!(line.contains("status 422: `stale`") && line.contains("feed.max_stale"), "{line}");
    issuer.server.shut_down().await;
}

/// The feed is lost, and everything else of the issuer can be reached: its limit of instances is used up.
async fn introspecting(fixture: &Fixture) -> (Issuer, RemoteVerifier) {
    let issuer = open_with(fixture, |settings| settings.feed.max_instances_per_key = 0).await;
    let options = FeedOptions::new(&issuer.verifier_key).stale_policy(StalePolicy::Introspect);
    let verifier = RemoteVerifier::builder(issuer.tokens()).feed(options).start().unwrap();
    (issuer, verifier)
}

#[tokio::test]
async fn a_verifier_that_lost_the_feed_asks_the_issuer_about_each_request() {
    let fixture = Fixture::new();
    let (issuer, verifier) = introspecting(&fixture).await;
    let session = issuer.log_in().await;
    let token = issuer.issue_token_for(&session, "orders:read").await;
    assert!(!verifier.freshness().unwrap().is_fresh());
    for _ in 0..3 {
        let principal = verifier.verify(&token).await.unwrap();
        assert!(principal.has_scope("orders:read"));
    }

    issuer.log_out(&session).await;

    let refused = verifier.verify(&token).await;
    let inactive = |reason: &InvalidReason| reason.code() == "inactive";
    assert!(matches!(&refused, Err(AuthError::InvalidCredential(reason)) if inactive(reason)), "{refused:?}");
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_a_second_serves_no_request() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    let options = FeedOptions::new(&issuer.verifier_key)
        .stale_policy(StalePolicy::Introspect)
        .base_url(&proxy.url())
        .unwrap();
    let verifier = follow_with(&issuer, options).await;
    let session = issuer.log_in().await;
    let token = issuer.issue_token_for(&session, "orders:read").await;
    proxy.set(Cut::Stalled).await;
    sleep(LEASE + HOP).await;

    let started = Instant::now();
    assert_eq!(verifier.verify(&token).await, Err(AuthError::StaleRevocations));
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(1_500), "{took:?}");
    issuer.log_out(&session).await;
    proxy.set(Cut::None).await;
    timeout(DEADLINE, verifier.wait_until_fresh()).await.unwrap();
    assert!(is_revoked(&verifier.verify(&token).await));
    issuer.server.shut_down().await;
}
