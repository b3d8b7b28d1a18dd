//! Remote verifiers of a real server's access tokens, while its signing keys rotate and are revoked.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use counterfoil_jose::unverified;
use counterfoil_verify::{JwksOptions, RemoteVerifier};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::send;
use crate::fixture::Fixture;
use crate::issuer::Issuer;

#[path = "../../../../examples/resource_server.rs"]
#[allow(dead_code, reason = "the tests serve its router instead of calling its main")]
pub(crate) mod resource_server;

const ROTATIONS: usize = 20;
/// The time between two rotations.
const ROTATION_INTERVAL: Duration = Duration::from_millis(250);

const VERIFIERS: usize = 3;
/// The time between two verifications of one verifier: 500 a second in total.
const VERIFY_INTERVAL: Duration = Duration::from_millis(6);

fn kid(token: &str) -> String {
    unverified::decode(token).unwrap().header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_resource_server_accepts_only_valid_tokens_for_its_audience() {
    let fixture = Fixture::new();
    let issuer = Issuer::open(&fixture, &["admin"]).await;
    let verifier = issuer.verifier(JwksOptions::from_discovery());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shop = resource_server::shop(&verifier);
    tokio::spawn(async move { axum::serve(listener, shop).await.unwrap() });
    let get = async |request: &str, token: &str| {
        send(address, request, &[&format!("authorization: Bearer {token}")], "").await
    };
    let (read_token, write_token) =
        (issuer.issue_token("orders:read").await, issuer.issue_token("orders:write").await);

    assert_eq!(send(address, "GET /", &[], "").await.body, "Hello, guest");
    assert_eq!(get("GET /", &read_token).await.body, "Hello, ada");
    assert!(get("GET /orders", &read_token).await.body.starts_with("The orders of "));
    let forbidden = get("GET /orders", &write_token).await;
    assert_eq!(forbidden.status, 403);
    let challenge = r#"www-authenticate: Bearer error="insufficient_scope", scope="orders:read""#;
    assert!(forbidden.head.contains(challenge), "{forbidden:?}");
    assert_eq!(get("POST /close", &write_token).await.status, 200);

    let own_audience =
        issuer.send("POST /v1/token", &issuer.session, "{}").await.json()["access_token"].clone();
    let (signed, signature) = read_token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    for bad in [own_audience.as_str().unwrap(), &forged, "nonsense"] {
        let refused = get("GET /orders", bad).await;
        assert_eq!(refused.status, 401, "{bad}");
        assert!(refused.head.contains(r#"www-authenticate: Bearer error="invalid_token""#), "{refused:?}");
    }
    // Only the issuer accepts session tokens; here one counts as no credential.
    assert_eq!(get("GET /orders", &issuer.session).await.status, 401);
    issuer.server.shut_down().await;
}

/// The newest tokens of all clients, whatever key signed them.
#[derive(Default)]
struct TokenPool {
    tokens: Mutex<Vec<String>>,
    kids: Mutex<HashSet<String>>,
    is_finished: AtomicBool,
    verified: AtomicUsize,
}

impl TokenPool {
    fn add(&self, token: String) {
        self.kids.lock().unwrap().insert(kid(&token));
        let mut tokens = self.tokens.lock().unwrap();
        tokens.push(token);
        if tokens.len() > 60 {
            tokens.remove(0);
        }
    }

    /// Alternates between the newest token and the older ones.
    fn pick(&self, round: usize) -> String {
        let tokens = self.tokens.lock().unwrap();
        let age = if round.is_multiple_of(2) { 0 } else { round % tokens.len() };
        tokens[tokens.len() - 1 - age].clone()
    }

    fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::SeqCst)
    }
}

/// Verifies tokens from the pool until the test is finished; each must be accepted.
async fn verify_repeatedly(verifier: RemoteVerifier, pool: Arc<TokenPool>) {
    let mut ticks = interval(VERIFY_INTERVAL);
    let mut round = 0;
    while !pool.is_finished() {
        ticks.tick().await;
        let token = pool.pick(round);
        let result = verifier.verify(&token).await;
        assert!(result.is_ok(), "{result:?} for a token signed by {}", kid(&token));
        round += 1;
        pool.verified.fetch_add(1, Ordering::SeqCst);
    }
}

/// Each verifier accepts every token and fetches the key set at most once for each rotation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rotations_under_load_fail_no_verification() {
    let fixture = Fixture::new();
    let issuer = Issuer::open(&fixture, &[]).await;
    // Fetches for unknown keys are at least a thirtieth of the cool-down apart, which is less than ROTATION_INTERVAL.
    let options = || JwksOptions::from_discovery().unknown_key_cooldown(10 * ROTATION_INTERVAL);
    let verifiers: Vec<_> = (0..VERIFIERS).map(|_| issuer.verifier(options())).collect();
    let pool = Arc::new(TokenPool::default());
    pool.add(issuer.issue_token("orders:read").await);
    let mut tasks = JoinSet::new();
    for verifier in &verifiers {
        tasks.spawn(verify_repeatedly(verifier.clone(), Arc::clone(&pool)));
    }

    for _ in 0..ROTATIONS {
        issuer.rotate_now().await;
        let rotated = Instant::now();
        while rotated.elapsed() < ROTATION_INTERVAL {
            pool.add(issuer.issue_token("orders:read").await);
            sleep(Duration::from_millis(20)).await;
        }
    }
    pool.is_finished.store(true, Ordering::SeqCst);
    tasks.join_all().await;

    let (kids, verified) = (pool.kids.lock().unwrap().len(), pool.verified.load(Ordering::SeqCst));
    let fetches: Vec<_> = verifiers.iter().map(|verifier| verifier.refresher().status().fetches).collect();
    println!("{verified} verifications, {kids} keys, fetches {fetches:?}");
    assert_eq!(kids, 1 + ROTATIONS);
    assert!(verified > 500, "{verified}");
    assert!(fetches.iter().all(|&fetches| fetches <= 1 + ROTATIONS as u64), "{fetches:?}");
    issuer.server.shut_down().await;
}

/// A verifier that only fetches the key set rejects a revoked key within the maximum age of its set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verifier_rejects_a_revoked_key_within_the_maximum_age() {
    const MAX_AGE: Duration = Duration::from_millis(400);
    /// What a busy machine may add: a fetch, and waiting for a thread.
    const SLACK: Duration = Duration::from_millis(1500);
    let fixture = Fixture::new();
    let issuer = Issuer::open(&fixture, &[]).await;
    let options = || JwksOptions::from_discovery().refresh_between(MAX_AGE, MAX_AGE);
    let verifiers: Vec<_> = (0..VERIFIERS).map(|_| issuer.verifier(options())).collect();
    let stolen = issuer.issue_token("orders:read").await;
    for verifier in &verifiers {
        assert!(verifier.verify(&stolen).await.is_ok());
    }

    let revoke = format!("DELETE /v1/admin/keys/{}", kid(&stolen));
    assert_eq!(issuer.send(&revoke, &issuer.admin_key, "").await.status, 204);
    let revoked = Instant::now();

    for verifier in &verifiers {
        // Removing the key also removes its cached verifications.
        while verifier.verify(&stolen).await.is_ok() {
            assert!(revoked.elapsed() < MAX_AGE + SLACK, "the stolen token is still accepted");
            sleep(Duration::from_millis(5)).await;
        }
        assert!(verifier.verify(&stolen).await.unwrap_err().is_unknown_key());
        assert!(verifier.verify(&issuer.issue_token("orders:read").await).await.is_ok());
    }
    println!("every verifier rejects after {:?}; the maximum age is {MAX_AGE:?}", revoked.elapsed());
    issuer.server.shut_down().await;
}
