//! Verifiers that are cut off from their issuer: they refuse within their lease, and heal with everything that they missed.

use std::time::{Duration, Instant};

use counterfoil_verify::{AuthError, FeedOptions, FreshnessState, JwksOptions, RemoteVerifier, StaleReason};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::fixture::Fixture;
use crate::followers::captured_log;
use crate::followers::proxy::{Cut, Proxy};
use crate::followers::{DEADLINE, HOP, LEASE, follow_with, get, is_revoked, open, serve_shop};
use crate::issuer::Issuer;
use crate::remote_verifiers::resource_server;

/// How long a verifier may take to be fresh again.
const HEALED_WITHIN: Duration = Duration::from_secs(2);

async fn follow_through(issuer: &Issuer, proxy: &Proxy) -> RemoteVerifier {
    let options = FeedOptions::new(&issuer.verifier_key).base_url(&proxy.url()).unwrap();
    follow_with(issuer, options).await
}

/// Cuts a verifier off for `duration` after its lease has ended, while a user logs out.
async fn refuses_within_its_lease_and_heals(cut: Cut, duration: Duration) {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    let verifier = follow_through(&issuer, &proxy).await;
    let shop = serve_shop(resource_server::shop(&verifier)).await;
    let session = issuer.log_in().await;
    let (ended, other) =
        (issuer.issue_token_for(&session, "orders:read").await, issuer.issue_token("orders:read").await);
    assert_eq!(get(shop, "/orders", &ended).await.status, 200);
    assert!(get(shop, "/freshness", "").await.body.starts_with("fresh, 0 revocations"));

    proxy.set(cut).await;
    let cut_at = Instant::now();
    issuer.log_out(&session).await;
    while !matches!(verifier.verify(&other).await, Err(AuthError::StaleRevocations)) {
        assert!(cut_at.elapsed() < LEASE + HOP, "{cut:?}: accepted after {:?}", cut_at.elapsed());
        sleep(Duration::from_millis(2)).await;
    }
    let refused = get(shop, "/orders", &other).await;
    assert!(refused.status == 503 && refused.head.contains("retry-after: "), "{refused:?}");
    assert!(get(shop, "/freshness", "").await.body.starts_with("stale ("));
    sleep(duration).await;
    assert!(verifier.verify(&ended).await.is_err());
    assert!(matches!(verifier.freshness().unwrap().state, FreshnessState::Stale { .. }));

    proxy.set(Cut::None).await;
    let healed_at = Instant::now();
    timeout(DEADLINE, verifier.wait_until_fresh()).await.expect("it heals");
    let took = healed_at.elapsed();
    println!("{cut:?}: healed after {took:?}");
    assert!(took < HEALED_WITHIN, "{cut:?}: {took:?}");
    assert!(is_revoked(&verifier.verify(&ended).await), "the logout during the cut was missed");
    assert!(verifier.verify(&other).await.is_ok());
    issuer.server.shut_down().await;
}

/// A stalling proxy, a dropped port, one direction, and a half-open connection, at the same time.
#[tokio::test]
async fn a_verifier_that_is_cut_off_refuses_within_its_lease_and_heals_with_everything_that_it_missed() {
    tokio::join!(
        refuses_within_its_lease_and_heals(Cut::Stalled, Duration::from_millis(700)),
        refuses_within_its_lease_and_heals(Cut::PortDropped, Duration::from_millis(1_500)),
        refuses_within_its_lease_and_heals(Cut::ResponsesLost, Duration::from_millis(700)),
        refuses_within_its_lease_and_heals(Cut::HalfOpen, Duration::from_millis(700)),
    );
}

#[tokio::test]
async fn a_wait_for_the_fleet_during_a_cut_returns_after_the_lease_and_not_before() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    let verifier = follow_through(&issuer, &proxy).await;
    let token = issuer.issue_token("orders:read").await;
    let principal = verifier.verify(&token).await.unwrap();

    proxy.set(Cut::ResponsesLost).await;
    let subject = format!("session:{}", principal.session_id().unwrap());
    let form = json!({ "subject": subject, "wait": "fleet" }).to_string();
    let hammer = async {
        // Until the answer it may be accepted; at the answer it must not be.
        let mut last_accepted = None;
        while !matches!(verifier.verify(&token).await, Err(AuthError::StaleRevocations)) {
            last_accepted = Some(Instant::now());
            sleep(Duration::from_millis(1)).await;
        }
        last_accepted
    };
    let wait = async {
        let reply = issuer.send("POST /v1/revocations", &issuer.admin_key, &form).await.json();
        (reply, Instant::now())
    };
    let (last_accepted, (reply, answered_at)) = tokio::join!(hammer, wait);

    assert!(last_accepted.is_some_and(|at| at < answered_at), "{reply}");
    assert_eq!((&reply["confirmed"], &reply["expired"]), (&0.into(), &1.into()), "{reply}");
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn each_change_between_fresh_and_stale_is_one_line_of_the_log_with_its_reason() {
    captured_log::start();
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    let verifier = follow_through(&issuer, &proxy).await;

    proxy.set(Cut::PortDropped).await;
    sleep(LEASE + Duration::from_millis(500)).await;
    let FreshnessState::Stale { reason, .. } = verifier.freshness().unwrap().state else { panic!() };
    assert!(matches!(reason, StaleReason::PollFailed(_)), "{reason:?}");
    let text = verifier.freshness().unwrap().to_prometheus();
    assert!(text.contains("counterfoil_verifier_fresh 0\n") && text.contains("stale_total 1\n"), "{text}");
    proxy.set(Cut::None).await;
    timeout(DEADLINE, verifier.wait_until_fresh()).await.unwrap();

    let lines = |part: &str| captured_log::lines(&issuer.url, part);
    let (fresh, stale) = (lines("revocations are up to date"), lines("revocations are stale"));
    assert_eq!((fresh.len(), stale.len()), (2, 1), "{fresh:?} {stale:?}");
    assert!(stale[0].starts_with("WARN") && stale[0].contains("cannot be reached"), "{stale:?}");
    assert!(lines(&issuer.verifier_key).is_empty());
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn a_verifier_that_starts_without_its_issuer_accepts_nothing() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let mut proxy = Proxy::start(issuer.address()).await;
    proxy.set(Cut::PortDropped).await;
    let options = FeedOptions::new(&issuer.verifier_key).base_url(&proxy.url()).unwrap();
    let builder = RemoteVerifier::builder(issuer.tokens()).jwks(JwksOptions::from_discovery()).feed(options);
    let verifier = builder.start().unwrap();
    let token = issuer.issue_token("orders:read").await;

    assert_eq!(verifier.verify(&token).await, Err(AuthError::StaleRevocations));
    proxy.set(Cut::None).await;
    timeout(DEADLINE, verifier.wait_until_fresh()).await.unwrap();
    assert!(verifier.verify(&token).await.is_ok());
    issuer.server.shut_down().await;
}
