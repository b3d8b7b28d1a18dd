//! Rotation and revocation of keys while the server runs, as an administrator and a verifier see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use counterfoil::WriteRateLimits;
use counterfoil_jose::{Algorithm, JwkSet, KeySet, jws};

use super::{Admin, UserCredentials, token_part};
use crate::client::Request;
use crate::test_server::{TestServer, text};

fn states(list: &Value) -> Vec<(&str, &str)> {
    list["keys"].as_array().unwrap().iter().map(|key| (text(key, "id"), text(key, "state"))).collect()
}

/// The keys in this state.
fn in_state(list: &Value, wanted: &str) -> Vec<String> {
    let all = states(list).into_iter();
    all.filter(|(_, state)| *state == wanted).map(|(id, _)| id.to_owned()).collect()
}

async fn published(server: &TestServer) -> Vec<String> {
    let jwks = Request::get("/.well-known/jwks.json").send(server).await.json();
    let mut kids: Vec<_> =
        jwks["keys"].as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect();
    kids.sort();
    kids
}

fn sorted(kids: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kids: Vec<_> = kids.into_iter().collect();
    kids.sort();
    kids
}

/// The id of the key that signs a new access token.
async fn signing_kid(server: &TestServer) -> String {
    let login = server.login("ada", "jwt").await;
    assert_eq!(server.me(text(&login, "access_token")).await, 200);
    token_part(text(&login, "access_token"), 0, "kid")
}

#[tokio::test]
async fn a_rotation_waits_until_verifiers_have_the_next_key() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let list = admin.get("/v1/admin/keys").await;
    let (current, next) = (in_state(&list, "current").remove(0), in_state(&list, "next").remove(0));
    assert_eq!(published(&server).await, sorted([current.clone(), next.clone()]));

    let begun = admin.send("POST", "/v1/admin/keys").await;

    assert_eq!(begun.status, 201, "{begun:?}");
    let begun = begun.json();
    assert_eq!((text(&begun, "id"), text(&begun, "state")), (next.as_str(), "next"));
    assert!(begun["activated_at"].as_u64().unwrap() > server.app.now().unix_seconds());
    assert_eq!(signing_kid(&server).await, current);
    assert_eq!(
        admin.send("POST", "/v1/admin/keys").await.json(),
        begun,
        "a repeated request changes nothing"
    );
    let list = admin.get("/v1/admin/keys").await;
    let row = list["keys"].as_array().unwrap().iter().find(|key| key["id"] == next.as_str()).unwrap();
    assert_eq!(row["activated_at"], begun["activated_at"]);
}

#[tokio::test]
async fn an_immediate_rotation_keeps_existing_tokens_valid() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let before = server.login("ada", "jwt").await;
    let old = token_part(text(&before, "access_token"), 0, "kid");

    let rotated = admin.send_ok("POST", "/v1/admin/keys", &json!({ "now": true })).await;

    assert_eq!(text(&rotated, "state"), "current");
    assert_eq!(signing_kid(&server).await, text(&rotated, "id"));
    assert_eq!(server.me(text(&before, "access_token")).await, 200);
    let list = admin.get("/v1/admin/keys").await;
    assert_eq!(in_state(&list, "current"), [text(&rotated, "id")]);
    assert_eq!(in_state(&list, "retired"), [old.as_str()]);
    let next = in_state(&list, "next").remove(0);
    assert_eq!(published(&server).await, sorted([old, next, text(&rotated, "id").to_owned()]));
    let retired = list["keys"].as_array().unwrap().iter().find(|key| key["state"] == "retired").unwrap();
    assert!(retired["removed_at"].as_u64() > retired["retired_at"].as_u64().map(|at| at + 3600), "{retired}");
}

#[tokio::test]
async fn revoking_a_key_removes_it_and_its_tokens_at_once() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let before = server.login("ada", "jwt").await;
    let old = token_part(text(&before, "access_token"), 0, "kid");
    let next = in_state(&admin.get("/v1/admin/keys").await, "next").remove(0);

    let path = format!("/v1/admin/keys/{old}");
    assert_eq!(admin.send("DELETE", &path).await.status, 204);

    assert_eq!(server.me(text(&before, "access_token")).await, 401);
    assert_eq!(signing_kid(&server).await, next, "the published next key takes over");
    assert!(!published(&server).await.contains(&old));
    assert_eq!(admin.send("DELETE", &path).await.status, 204, "revoking again is not an error");
    assert_eq!(admin.send("DELETE", "/v1/admin/keys/none").await.status, 404);
    let kinds: Vec<Value> = admin.get("/v1/admin/events?limit=10").await["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!([line["kind"], line["reason"]]))
        .collect();
    assert!(kinds.contains(&json!(["key_revoked", "key_compromised"])), "{kinds:?}");
}

#[tokio::test]
async fn parallel_rotations_leave_one_current_key() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let now = json!({ "now": true });
    let [a, b, c, d] = [(); 4].map(|()| admin.send_json("POST", "/v1/admin/keys", &now));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    assert!([a, b, c, d].iter().all(|response| response.status == 201));

    let keys = admin.get("/v1/admin/keys").await;

    let current = in_state(&keys, "current");
    assert_eq!((current.len(), in_state(&keys, "next").len(), states(&keys).len()), (1, 1, 6));
    assert_eq!(signing_kid(&server).await, current[0]);
}

#[tokio::test]
async fn rotating_the_refresh_token_key_keeps_every_login() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let credentials = UserCredentials::log_in(&server, "ada", "default").await;

    let rotated = admin.send_ok("POST", "/v1/admin/keys", &json!({ "purpose": "refresh_token" })).await;

    assert_eq!(text(&rotated, "state"), "current");
    assert_eq!(credentials.accepted(&server).await, [true; 4]);
    let keys = admin.get("/v1/admin/keys").await["refresh_token_keys"].clone();
    let found: Vec<_> = keys.as_array().unwrap().iter().map(|key| text(key, "state")).collect();
    assert_eq!(found, ["retired", "current"]);
}

#[tokio::test]
async fn an_invalid_rotation_request_is_rejected_and_rotates_nothing() {
    let server = TestServer::open().await;
    let admin = Admin::new(&server).await;
    let before = admin.get("/v1/admin/keys").await;

    for bad in [json!({ "now": "yes" }), json!({ "purpose": "all" }), json!({ "later": true })] {
        let refused = admin.send_json("POST", "/v1/admin/keys", &bad).await;
        assert!(matches!(refused.status, 400 | 422), "{bad}: {refused:?}");
    }

    assert_eq!(admin.get("/v1/admin/keys").await, before);
}

/// A verifier that caches the key set for the full maximum age and never fetches earlier.
struct Cached {
    keys: KeySet,
    fetched: Instant,
    fetches: u32,
}

impl Cached {
    async fn fetch(server: &TestServer, fetches: u32) -> Self {
        let fetched = Instant::now();
        let response = Request::get("/.well-known/jwks.json").send(server).await;
        let keys =
            JwkSet::from_json(&response.body).unwrap().to_key_set(&counterfoil_jose::Algorithm::ASYMMETRIC);
        Self { keys, fetched, fetches }
    }

    async fn verify(&mut self, server: &TestServer, token: &str) {
        if self.fetched.elapsed() >= PERIOD {
            *self = Self::fetch(server, self.fetches + 1).await;
        }
        let verified = jws::verify(token, &self.keys, &[Algorithm::Es256], &["at+jwt"]);
        assert!(verified.is_ok(), "{verified:?} with a key set fetched {:?} ago", self.fetched.elapsed());
    }
}

/// How long the verifiers of this test cache the key set.
const PERIOD: Duration = Duration::from_secs(1);
/// How often the keys are rotated under load.
const ROTATIONS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_under_load_fail_no_login_and_no_verification() {
    let schedule = |settings: &mut counterfoil::Settings| {
        settings.jwks_max_age = PERIOD;
        settings.key_margin = Duration::from_millis(500);
        // Each refresh rotates, even without a pause between them.
        settings.refresh_reuse_grace = Duration::ZERO;
        settings.write_rate_limits = WriteRateLimits::off();
        settings.max_sessions = None;
    };
    let server = Arc::new(TestServer::with(schedule).await);
    server.register("ada").await;
    let (is_finished, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (server, is_finished, done) = (server.clone(), is_finished.clone(), done.clone());
            tokio::spawn(async move {
                let mut cached = Cached::fetch(&server, 1).await;
                let mut refresh = server.login("ada", "hybrid").await["refresh_token"].clone();
                while !is_finished.load(Ordering::SeqCst) {
                    let body = json!({ "refresh_token": refresh });
                    let refreshed = Request::post("/v1/refresh").json(&body).send(&server).await;
                    assert_eq!(refreshed.status, 200, "{refreshed:?}");
                    let refreshed = refreshed.json();
                    refresh = refreshed["refresh_token"].clone();
                    let token = text(&refreshed, "access_token");
                    cached.verify(&server, token).await;
                    assert_eq!(server.me(token).await, 200);
                    done.fetch_add(1, Ordering::SeqCst);
                }
                cached.fetches
            })
        })
        .collect();

    let (admin, mut signing_kids) = (Admin::new(&server).await, vec![signing_kid(&server).await]);
    while signing_kids.len() <= ROTATIONS {
        let begun = admin.send_ok("POST", "/v1/admin/keys", &json!({})).await;
        let deadline = Instant::now() + 20 * PERIOD;
        while signing_kid(&server).await != text(&begun, "id") {
            assert!(Instant::now() < deadline, "{begun} was not activated");
        }
        signing_kids.push(text(&begun, "id").to_owned());
    }
    is_finished.store(true, Ordering::SeqCst);
    let mut fetches = 0;
    for client in clients {
        fetches += client.await.unwrap();
    }
    println!(
        "{ROTATIONS} rotations, {} refreshes each verified twice, {fetches} fetches by 4 verifiers",
        done.load(Ordering::SeqCst)
    );
}
