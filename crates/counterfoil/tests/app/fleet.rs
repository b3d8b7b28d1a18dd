//! Services that verify what a real server issues, while its keys change under them.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use counterfoil::operator::Command;
use counterfoil::{App, Settings};
use counterfoil_jose::{Algorithm, Secret, unverified};
use counterfoil_verify::{JwksOptions, RemoteVerifier, TokenVerifier};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::{Reply, send};
use crate::house::{House, Running};

#[path = "../../../../examples/resource_server.rs"]
#[allow(dead_code, reason = "its main is for people; the tests serve its router")]
mod resource_server;

const SHOP: &str = "http://127.0.0.1:4000";

/// The rotations of a soak of a minute, in a tenth of it.
const ROTATIONS: usize = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Three verifiers, each so often: 500 verifications a second together.
const VERIFIERS: usize = 3;
const BEAT: Duration = Duration::from_millis(6);

/// A server whose issuer is the address that it listens on, with a user who is logged in.
struct Issuer {
    running: Running,
    url: String,
    admin_key: String,
    session: String,
}

impl Issuer {
    async fn open(house: &House, roles: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = App::open(Settings { issuer: url.parse().unwrap(), ..house.settings() }).await.unwrap();
        let ada = Command::UserAdd {
            username: "ada".into(),
            password: Secret::new("correct horse".into()),
            email: None,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        };
        app.administer(ada).await.unwrap();
        let made = app.administer(Command::AdminKeyAdd { name: "rotator".into() }).await.unwrap();
        let running = Running::on(listener, app).await;
        let form = r#"{"username":"ada","password":"correct horse"}"#;
        let session = send(running.at, "POST /v1/login", &[], form).await.json()["session_token"].clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { running, url, admin_key: text(&made["key"]), session: text(&session) }
    }

    fn at(&self) -> SocketAddr {
        self.running.at
    }

    async fn ask(&self, request: &str, bearer: &str, body: &str) -> Reply {
        send(self.at(), request, &[&format!("authorization: Bearer {bearer}")], body).await
    }

    /// A token for the shop, with this scope.
    async fn token(&self, scope: &str) -> String {
        let form = json!({ "audience": SHOP, "scope": scope }).to_string();
        let reply = self.ask("POST /v1/token", &self.session, &form).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The harder way: the new key signs before anybody can have fetched it.
    async fn rotate_at_once(&self) {
        let reply = self.ask("POST /v1/admin/keys", &self.admin_key, r#"{"now":true}"#).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    fn verifier(&self, follow: JwksOptions) -> RemoteVerifier {
        let tokens = TokenVerifier::builder(&self.url, SHOP, &[Algorithm::Es256]);
        RemoteVerifier::start(tokens, follow).unwrap()
    }
}

fn kid(token: &str) -> String {
    unverified::peek(token).unwrap().header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_resource_server_takes_what_is_for_it_and_nothing_else() {
    let house = House::new();
    let issuer = Issuer::open(&house, &["admin"]).await;
    let verifier = issuer.verifier(JwksOptions::from_discovery());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let shop = resource_server::shop(&verifier);
    tokio::spawn(async move { axum::serve(listener, shop).await.unwrap() });
    let ask = async |request: &str, token: &str| {
        send(at, request, &[&format!("authorization: Bearer {token}")], "").await
    };
    let (reads, writes) = (issuer.token("orders:read").await, issuer.token("orders:write").await);

    assert_eq!(send(at, "GET /", &[], "").await.body, "Hello, stranger");
    assert!(ask("GET /", &reads).await.body.starts_with("Hello, "));
    assert!(ask("GET /orders", &reads).await.body.starts_with("The orders of "));
    let forbidden = ask("GET /orders", &writes).await;
    assert_eq!(forbidden.status, 403);
    let challenge = r#"www-authenticate: Bearer error="insufficient_scope", scope="orders:read""#;
    assert!(forbidden.head.contains(challenge), "{forbidden:?}");
    assert_eq!(ask("POST /close", &writes).await.status, 200);

    let own = issuer.ask("POST /v1/token", &issuer.session, "{}").await.json()["access_token"].clone();
    let (signed, signature) = reads.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{signed}.{other}{}", &signature[1..]);
    for bad in [own.as_str().unwrap(), &forged, "nonsense"] {
        let refused = ask("GET /orders", bad).await;
        assert_eq!(refused.status, 401, "{bad}");
        assert!(refused.head.contains(r#"www-authenticate: Bearer error="invalid_token""#), "{refused:?}");
    }
    // A session token is for its issuer alone: here it is as if nothing were shown.
    assert_eq!(ask("GET /orders", &issuer.session).await.status, 401);
    issuer.running.end().await;
}

/// Tokens as clients hold them: the newest ones, of whatever key.
#[derive(Default)]
struct Wallet {
    tokens: Mutex<Vec<String>>,
    kids: Mutex<HashSet<String>>,
    is_over: AtomicBool,
    verified: AtomicUsize,
}

impl Wallet {
    fn put(&self, token: String) {
        self.kids.lock().unwrap().insert(kid(&token));
        let mut tokens = self.tokens.lock().unwrap();
        tokens.push(token);
        if tokens.len() > 60 {
            tokens.remove(0);
        }
    }

    /// The newest one, and then the others in turn.
    fn take(&self, turn: usize) -> String {
        let tokens = self.tokens.lock().unwrap();
        let back = if turn.is_multiple_of(2) { 0 } else { turn % tokens.len() };
        tokens[tokens.len() - 1 - back].clone()
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// Verifies until it is over; every token that somebody holds is good.
async fn verify_on(verifier: RemoteVerifier, wallet: Arc<Wallet>) {
    let mut beat = interval(BEAT);
    let mut turn = 0;
    while !wallet.is_over() {
        beat.tick().await;
        let token = wallet.take(turn);
        let judged = verifier.verify(&token).await;
        assert!(judged.is_ok(), "{judged:?} for a token of {}", kid(&token));
        turn += 1;
        wallet.verified.fetch_add(1, Ordering::SeqCst);
    }
}

/// F16, R39: nobody fails, and each verifier fetches at most once for each rotation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rotations_under_load_fail_nobody() {
    let house = House::new();
    let issuer = Issuer::open(&house, &[]).await;
    // Between two fetches for unknown keys a thirtieth of the cool-down passes, less than between two rotations.
    let quick = || JwksOptions::from_discovery().unknown_key_cooldown(10 * PAUSE);
    let verifiers: Vec<_> = (0..VERIFIERS).map(|_| issuer.verifier(quick())).collect();
    let wallet = Arc::new(Wallet::default());
    wallet.put(issuer.token("orders:read").await);
    let mut fleet = JoinSet::new();
    for verifier in &verifiers {
        fleet.spawn(verify_on(verifier.clone(), Arc::clone(&wallet)));
    }

    for _ in 0..ROTATIONS {
        issuer.rotate_at_once().await;
        let rotated = Instant::now();
        while rotated.elapsed() < PAUSE {
            wallet.put(issuer.token("orders:read").await);
            sleep(Duration::from_millis(20)).await;
        }
    }
    wallet.is_over.store(true, Ordering::SeqCst);
    fleet.join_all().await;

    let (kids, verified) = (wallet.kids.lock().unwrap().len(), wallet.verified.load(Ordering::SeqCst));
    let fetches: Vec<_> = verifiers.iter().map(|verifier| verifier.refresher().status().fetches).collect();
    println!("{verified} verifications, {kids} keys, fetches {fetches:?}");
    assert_eq!(kids, 1 + ROTATIONS);
    assert!(verified > 500, "{verified}");
    assert!(fetches.iter().all(|&fetches| fetches <= 1 + ROTATIONS as u64), "{fetches:?}");
    issuer.running.end().await;
}

/// F17, R41: the bound of a verifier that follows the key set alone is the age that it lets the set have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_by_every_verifier_within_its_bound() {
    const BOUND: Duration = Duration::from_millis(400);
    /// What a busy machine may add: a fetch, and threads that wait for their turn.
    const SLACK: Duration = Duration::from_millis(1500);
    let house = House::new();
    let issuer = Issuer::open(&house, &[]).await;
    let quick = || JwksOptions::from_discovery().refresh_between(BOUND, BOUND);
    let verifiers: Vec<_> = (0..VERIFIERS).map(|_| issuer.verifier(quick())).collect();
    let stolen = issuer.token("orders:read").await;
    for verifier in &verifiers {
        assert!(verifier.verify(&stolen).await.is_ok());
    }

    let kill = format!("DELETE /v1/admin/keys/{}", kid(&stolen));
    assert_eq!(issuer.ask(&kill, &issuer.admin_key, "").await.status, 204);
    let killed = Instant::now();

    for verifier in &verifiers {
        // Remembered or not: what the key verified goes with it.
        while verifier.verify(&stolen).await.is_ok() {
            assert!(killed.elapsed() < BOUND + SLACK, "it is still believed");
            sleep(Duration::from_millis(5)).await;
        }
        assert!(verifier.verify(&stolen).await.unwrap_err().is_unknown_key());
        assert!(verifier.verify(&issuer.token("orders:read").await).await.is_ok());
    }
    println!("all refuse after {:?}, told to within {BOUND:?}", killed.elapsed());
    issuer.running.end().await;
}
