//! Signing keys that rotate or are revoked, and verifiers that hear of it by the feed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get as on_get;
use counterfoil_jose::unverified;
use counterfoil_verify::{FetchError, JwksOptions, RemoteVerifier};
use tokio::time::sleep;

use crate::client::send;
use crate::fixture::Fixture;
use crate::followers::{DEADLINE, HOP, LEASE, open, serve_shop};
use crate::issuer::Issuer;

/// A verifier that fetches keys for no other reason than the feed.
async fn follow_keys(issuer: &Issuer) -> RemoteVerifier {
    const HOUR: Duration = Duration::from_secs(3600);
    let jwks = JwksOptions::from_discovery().refresh_between(HOUR, HOUR).unknown_key_cooldown(HOUR);
    let builder = RemoteVerifier::builder(issuer.tokens()).jwks(jwks).verifier_key(&issuer.verifier_key);
    let verifier = builder.start().unwrap();
    verifier.wait_until_fresh().await;
    verifier.wait_for_first_fetch().await;
    verifier
}

fn fetches(verifier: &RemoteVerifier) -> u64 {
    verifier.refresher().status().fetches
}

#[tokio::test]
async fn a_rotation_is_heard_by_the_feed_and_costs_one_fetch() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let verifier = follow_keys(&issuer).await;
    for rotation in 1..=3 {
        let before = fetches(&verifier);
        issuer.rotate_now().await;
        let rotated_at = Instant::now();
        while fetches(&verifier) == before {
            assert!(rotated_at.elapsed() < LEASE + HOP, "no fetch for rotation {rotation}");
            sleep(Duration::from_millis(5)).await;
        }
        // No token with the new key was presented before, and the cool-down of unknown keys is an hour.
        let token = issuer.issue_token("orders:read").await;
        assert!(verifier.verify(&token).await.is_ok(), "rotation {rotation}");
        assert_eq!(fetches(&verifier), before + 1, "rotation {rotation}");
    }
    issuer.server.shut_down().await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_a_hop_and_its_successor_accepted() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let verifier = follow_keys(&issuer).await;
    let stolen = issuer.issue_token("orders:read").await;
    assert!(verifier.verify(&stolen).await.is_ok());
    let header = unverified::decode(&stolen).unwrap().header;
    let revoke = format!("DELETE /v1/admin/keys/{}", header["kid"].as_str().unwrap());

    assert_eq!(issuer.send(&revoke, &issuer.admin_key, "").await.status, 204);
    let revoked_at = Instant::now();
    while verifier.verify(&stolen).await.is_ok() {
        assert!(revoked_at.elapsed() < HOP, "the stolen token is still accepted");
        sleep(Duration::from_millis(1)).await;
    }

    let token = issuer.issue_token("orders:read").await;
    while verifier.verify(&token).await.is_err() {
        assert!(revoked_at.elapsed() < DEADLINE, "{:?}", verifier.verify(&token).await);
        sleep(Duration::from_millis(5)).await;
    }
    assert!(verifier.verify(&stolen).await.is_err());
    // The set without the revoked key, and the one with its successor.
    assert!(fetches(&verifier) <= 3, "{}", fetches(&verifier));
    issuer.server.shut_down().await;
}

/// A cache before the key set of an issuer, and the queries with which it was asked.
#[derive(Clone, Default)]
struct KeyCache {
    document: Arc<Mutex<String>>,
    queries: Arc<Mutex<Vec<String>>>,
}

impl KeyCache {
    async fn fill(&self, issuer: &Issuer) {
        let document = send(issuer.address(), "GET /.well-known/jwks.json", &[], "").await.body;
        *self.document.lock().unwrap() = document;
    }
}

#[tokio::test]
async fn an_older_key_set_from_a_cache_is_not_used() {
    let fixture = Fixture::new();
    let issuer = open(&fixture).await;
    let cache = KeyCache::default();
    cache.fill(&issuer).await;
    let answer = async |State(cache): State<KeyCache>, RawQuery(query): RawQuery| {
        cache.queries.lock().unwrap().extend(query);
        cache.document.lock().unwrap().clone()
    };
    let address = serve_shop(Router::new().route("/keys", on_get(answer)).with_state(cache.clone())).await;
    let jwks = JwksOptions::from_url(&format!("http://{address}/keys")).unwrap();
    let builder = RemoteVerifier::builder(issuer.tokens()).jwks(jwks).verifier_key(&issuer.verifier_key);
    let verifier = builder.start().unwrap();
    verifier.wait_until_fresh().await;
    let old = issuer.issue_token("orders:read").await;
    assert!(verifier.verify(&old).await.is_ok());

    issuer.rotate_now().await;
    let rotated_at = Instant::now();
    while !matches!(verifier.refresher().status().last_error.as_deref(), Some(FetchError::NotAnnounced)) {
        assert!(rotated_at.elapsed() < LEASE + HOP, "{:?}", verifier.refresher().status());
        sleep(Duration::from_millis(5)).await;
    }
    assert!(cache.queries.lock().unwrap().last().unwrap().starts_with("v="));
    assert!(verifier.verify(&old).await.is_ok(), "the keys in use stay in use");

    cache.fill(&issuer).await;
    let new = issuer.issue_token("orders:read").await;
    while verifier.verify(&new).await.is_err() {
        assert!(rotated_at.elapsed() < DEADLINE, "{:?}", verifier.refresher().status());
        sleep(Duration::from_millis(20)).await;
    }
    issuer.server.shut_down().await;
}
