//! Rotation and revocation of keys while the server runs, as an administrator and a verifier see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use counterfoil_jose::{Algorithm, JwkSet, KeySet, jws};

use super::{Admin, Carried, token_part};
use crate::client::Request;
use crate::test_server::{Site, text};

fn states(list: &Value) -> Vec<(&str, &str)> {
    list["keys"].as_array().unwrap().iter().map(|key| (text(key, "id"), text(key, "state"))).collect()
}

/// The keys in this state.
fn in_state(list: &Value, wanted: &str) -> Vec<String> {
    let all = states(list).into_iter();
    all.filter(|(_, state)| *state == wanted).map(|(id, _)| id.to_owned()).collect()
}

async fn published(site: &Site) -> Vec<String> {
    let jwks = Request::get("/.well-known/jwks.json").send(site).await.json();
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
async fn signing_kid(site: &Site) -> String {
    let login = site.login("ada", "jwt").await;
    assert_eq!(site.me(text(&login, "access_token")).await, 200);
    token_part(text(&login, "access_token"), 0, "kid")
}

#[tokio::test]
async fn a_rotation_waits_until_verifiers_have_the_next_key() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let list = admin.get("/v1/admin/keys").await;
    let (current, next) = (in_state(&list, "current").remove(0), in_state(&list, "next").remove(0));
    assert_eq!(published(&site).await, sorted([current.clone(), next.clone()]));

    let begun = admin.send("POST", "/v1/admin/keys").await;

    assert_eq!(begun.status, 201, "{begun:?}");
    let begun = begun.json();
    assert_eq!((text(&begun, "id"), text(&begun, "state")), (next.as_str(), "next"));
    assert!(begun["activated_at"].as_u64().unwrap() > site.app.now().unix_seconds());
    assert_eq!(signing_kid(&site).await, current);
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
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let before = site.login("ada", "jwt").await;
    let old = token_part(text(&before, "access_token"), 0, "kid");

    let rotated = admin.done("POST", "/v1/admin/keys", &json!({ "now": true })).await;

    assert_eq!(text(&rotated, "state"), "current");
    assert_eq!(signing_kid(&site).await, text(&rotated, "id"));
    assert_eq!(site.me(text(&before, "access_token")).await, 200);
    let list = admin.get("/v1/admin/keys").await;
    assert_eq!(in_state(&list, "current"), [text(&rotated, "id")]);
    assert_eq!(in_state(&list, "retired"), [old.as_str()]);
    let next = in_state(&list, "next").remove(0);
    assert_eq!(published(&site).await, sorted([old, next, text(&rotated, "id").to_owned()]));
    let retired = list["keys"].as_array().unwrap().iter().find(|key| key["state"] == "retired").unwrap();
    assert!(retired["removed_at"].as_u64() > retired["retired_at"].as_u64().map(|at| at + 3600), "{retired}");
}

#[tokio::test]
async fn revoking_a_key_removes_it_and_its_tokens_at_once() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let before = site.login("ada", "jwt").await;
    let old = token_part(text(&before, "access_token"), 0, "kid");
    let next = in_state(&admin.get("/v1/admin/keys").await, "next").remove(0);

    let path = format!("/v1/admin/keys/{old}");
    assert_eq!(admin.send("DELETE", &path).await.status, 204);

    assert_eq!(site.me(text(&before, "access_token")).await, 401);
    assert_eq!(signing_kid(&site).await, next, "the published next key takes over");
    assert!(!published(&site).await.contains(&old));
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
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let now = json!({ "now": true });
    let [a, b, c, d] = [(); 4].map(|()| admin.send_json("POST", "/v1/admin/keys", &now));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    assert!([a, b, c, d].iter().all(|answer| answer.status == 201));

    let keys = admin.get("/v1/admin/keys").await;

    let current = in_state(&keys, "current");
    assert_eq!((current.len(), in_state(&keys, "next").len(), states(&keys).len()), (1, 1, 6));
    assert_eq!(signing_kid(&site).await, current[0]);
}

#[tokio::test]
async fn rotating_the_refresh_token_key_keeps_every_login() {
    let site = Site::open().await;
    site.register("ada").await;
    let admin = Admin::of(&site).await;
    let held = Carried::by(&site, "ada", "default").await;

    let rotated = admin.done("POST", "/v1/admin/keys", &json!({ "purpose": "refresh_token" })).await;

    assert_eq!(text(&rotated, "state"), "current");
    assert_eq!(held.alive(&site).await, [true; 4]);
    let keys = admin.get("/v1/admin/keys").await["refresh_token_keys"].clone();
    let found: Vec<_> = keys.as_array().unwrap().iter().map(|key| text(key, "state")).collect();
    assert_eq!(found, ["retired", "current"]);
}

#[tokio::test]
async fn an_invalid_rotation_request_is_rejected_and_rotates_nothing() {
    let site = Site::open().await;
    let admin = Admin::of(&site).await;
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
    async fn fetch(site: &Site, fetches: u32) -> Self {
        let fetched = Instant::now();
        let answer = Request::get("/.well-known/jwks.json").send(site).await;
        let keys = JwkSet::from_json(&answer.body).unwrap().to_key_set(None).unwrap();
        Self { keys, fetched, fetches }
    }

    async fn verify(&mut self, site: &Site, token: &str) {
        if self.fetched.elapsed() >= PERIOD {
            *self = Self::fetch(site, self.fetches + 1).await;
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
    };
    let site = Arc::new(Site::with(schedule).await);
    site.register("ada").await;
    let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (site, is_over, done) = (site.clone(), is_over.clone(), done.clone());
            tokio::spawn(async move {
                let mut cached = Cached::fetch(&site, 1).await;
                let mut refresh = site.login("ada", "hybrid").await["refresh_token"].clone();
                while !is_over.load(Ordering::SeqCst) {
                    let body = json!({ "refresh_token": refresh });
                    let turned = Request::post("/v1/refresh").json(&body).send(&site).await;
                    assert_eq!(turned.status, 200, "{turned:?}");
                    let turned = turned.json();
                    refresh = turned["refresh_token"].clone();
                    let token = text(&turned, "access_token");
                    cached.verify(&site, token).await;
                    assert_eq!(site.me(token).await, 200);
                    done.fetch_add(1, Ordering::SeqCst);
                }
                cached.fetches
            })
        })
        .collect();

    let (admin, mut signed_by) = (Admin::of(&site).await, vec![signing_kid(&site).await]);
    while signed_by.len() <= ROTATIONS {
        let begun = admin.done("POST", "/v1/admin/keys", &json!({})).await;
        let deadline = Instant::now() + 20 * PERIOD;
        while signing_kid(&site).await != text(&begun, "id") {
            assert!(Instant::now() < deadline, "{begun} was not activated");
        }
        signed_by.push(text(&begun, "id").to_owned());
    }
    is_over.store(true, Ordering::SeqCst);
    let mut fetches = 0;
    for client in clients {
        fetches += client.await.unwrap();
    }
    println!(
        "{ROTATIONS} rotations, {} refreshes each verified twice, {fetches} fetches by 4 verifiers",
        done.load(Ordering::SeqCst)
    );
}
