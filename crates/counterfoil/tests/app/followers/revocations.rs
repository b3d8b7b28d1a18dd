//! What a connected verifier learns, and when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use counterfoil_core::model::session::EndReason;
use counterfoil_core::store::{Change, NewRevocation, Store as _};
use counterfoil_jose::Time;
use counterfoil_sqlite::SqliteStore;
use counterfoil_verify::{
    AuthFuture, Authenticator as _, Clock as _, FeedOptions, JwksOptions, PresentedCredential,
    RemoteVerifier, RemoteVerifierError, RevocationSubject, SystemClock, TokenId,
};
use serde_json::json;
use tokio::time::sleep;

use crate::fixture::Fixture;
use crate::followers::{HOP, LEASE, follow, follow_with, is_revoked, open, open_with, wait_until_revoked};

#[tokio::test]
async fn a_logout_is_refused_within_a_hop_while_tokens_are_verified_locally() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let verifier = follow(&issuer).await;
    let session = issuer.log_in().await;
    let (ended, other) =
        (issuer.issue_token_for(&session, "orders:read").await, issuer.issue_token("orders:read").await);
    assert!(verifier.verify(&ended).await.is_ok());
    let polls = verifier.freshness().unwrap().polls;

    let presented = PresentedCredential::AccessToken(&other);
    for _ in 0..1_000 {
        let result = verifier.authenticate(presented, verifier.clock().now());
        assert!(matches!(result, AuthFuture::Ready(Ok(_))), "{result:?}");
    }
    issuer.log_out(&session).await;

    wait_until_revoked(&verifier, &ended, HOP).await;
    assert!(verifier.verify(&other).await.is_ok());
    let freshness = verifier.freshness().unwrap();
    assert!(freshness.is_fresh() && freshness.entries == 1 && freshness.position == freshness.head);
    assert!(freshness.polls <= polls + 10, "{freshness:?}");
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn a_wait_for_the_fleet_returns_when_the_verifier_refuses() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let verifier = follow(&issuer).await;
    for _ in 0..10 {
        let session = issuer.log_in().await;
        let token = issuer.issue_token_for(&session, "orders:read").await;
        let principal = verifier.verify(&token).await.unwrap();
        let subject = format!("session:{}", principal.session_id().unwrap());
        let form = json!({ "subject": subject, "wait": "fleet" }).to_string();

        let reply = issuer.send("POST /v1/revocations", &issuer.admin_key, &form).await.json();

        assert!(is_revoked(&verifier.verify(&token).await), "it is accepted after the answer: {reply}");
        assert_eq!((&reply["confirmed"], &reply["expired"]), (&1.into(), &0.into()), "{reply}");
    }
    issuer.server.shut_down().await;
}

/// Writes as many revocations into the store of a stopped server.
async fn revoke_many(fixture: &Fixture, count: u64) {
    let store = SqliteStore::open(&fixture.data_path("auth.db")).unwrap();
    let now = SystemClock::new().now();
    let entry = |number: u64| {
        Change::append_revocation(NewRevocation {
            subject: RevocationSubject::Token(TokenId::from_bytes(u128::from(number).to_be_bytes())),
            reason: EndReason::ByAdmin,
            at: now,
            remember_until: Some(now + Duration::from_secs(3600)),
            status_index: None,
        })
    };
    let changes: Vec<_> = (0..count).map(entry).collect();
    assert!(store.commit(&changes.into()).await.unwrap().applied().is_some());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_snapshot_of_several_pages_is_complete_before_a_token_is_accepted() {
    const ENTRIES: usize = 21_000;
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let session = issuer.log_in().await;
    let ended = issuer.issue_token_for(&session, "orders:read").await;
    let token = issuer.issue_token("orders:read").await;
    let issuer = issuer.restart_after(async |_| revoke_many(&fixture, ENTRIES as u64).await).await;
    // The last entry of the log.
    issuer.log_out(&session).await;

    let verifier =
        RemoteVerifier::builder(issuer.tokens()).verifier_key(&issuer.verifier_key).start().unwrap();
    assert!(is_revoked(&verifier.verify(&ended).await));

    let freshness = verifier.freshness().unwrap();
    assert!(freshness.entries > ENTRIES && freshness.polls >= 4, "{freshness:?}");
    assert!(freshness.memory_bytes / freshness.entries < 64, "{freshness:?}");
    assert!(verifier.verify(&token).await.is_ok());
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn more_revocations_than_allowed_make_the_verifier_stale() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let options = FeedOptions::new(&issuer.verifier_key).max_entries(1);
    let verifier = follow_with(&issuer, options).await;
    let token = issuer.issue_token("orders:read").await;
    for _ in 0..2 {
        let session = issuer.log_in().await;
        issuer.log_out(&session).await;
    }

    sleep(LEASE + HOP).await;
    assert!(verifier.verify(&token).await.is_err());
    let line = verifier.freshness().unwrap().to_string();
    assert!(line.contains("more than 1 revocations"), "{line}");
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn without_a_verifier_key_a_revoked_token_is_accepted_and_a_wrong_text_is_refused_at_the_start() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let verifier = issuer.verifier(JwksOptions::from_discovery());
    let session = issuer.log_in().await;
    let token = issuer.issue_token_for(&session, "orders:read").await;
    issuer.log_out(&session).await;

    assert!(verifier.verify(&token).await.is_ok() && verifier.freshness().is_none());
    let wrong = RemoteVerifier::builder(issuer.tokens()).verifier_key(&issuer.admin_key).start();
    assert!(matches!(wrong, Err(RemoteVerifierError::InvalidVerifierKey)), "{wrong:?}");
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn a_verifier_whose_clock_is_late_follows_the_time_of_its_issuer() {
    const LATE: Duration = Duration::from_secs(86_400);
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let machine = SystemClock::new();
    let late = JwksOptions::from_discovery().clock(move || machine.now() - LATE);
    let builder = RemoteVerifier::builder(issuer.tokens()).jwks(late).verifier_key(&issuer.verifier_key);
    let verifier = builder.start().unwrap();
    verifier.wait_until_fresh().await;

    // By its own clock the token is issued tomorrow.
    assert!(verifier.verify(&issuer.issue_token("orders:read").await).await.is_ok());
    let (now, real) = (verifier.clock().now(), SystemClock::new().now());
    assert!(now + Duration::from_secs(3) > real && now < real + Duration::from_secs(3), "{now:?} {real:?}");
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn a_jump_of_the_wall_clock_changes_no_lease() {
    let fixture = Fixture::new();
    let issuer = open_with(&fixture, |settings| settings.feed.lease = Duration::from_secs(60)).await;
    let jump = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (machine, seconds) = (SystemClock::new(), Arc::clone(&jump));
    let clock = move || -> Time {
        machine.now() + Duration::from_secs(seconds.load(std::sync::atomic::Ordering::Relaxed))
    };
    let jwks = JwksOptions::from_discovery().clock(clock);
    let builder = RemoteVerifier::builder(issuer.tokens()).jwks(jwks).verifier_key(&issuer.verifier_key);
    let verifier = builder.start().unwrap();
    verifier.wait_until_fresh().await;
    let token = issuer.issue_token("orders:read").await;
    assert!(verifier.verify(&token).await.is_ok());

    for (seconds, is_accepted) in [(240, true), (0, true), (7200, false)] {
        jump.store(seconds, std::sync::atomic::Ordering::Relaxed);
        let started = Instant::now();
        assert!(verifier.freshness().unwrap().is_fresh(), "{seconds}");
        // Whether it has expired is judged by the clock.
        let result = verifier.verify(&token).await;
        assert_eq!(result.is_ok(), is_accepted, "{seconds}: {result:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    issuer.server.shut_down().await;
}
