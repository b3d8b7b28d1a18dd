//! Every status that OpenAPI documents for a route can be produced, and a foreign validator finds that each response is
//! as documented.

use std::collections::BTreeSet;
use std::time::Duration;

use counterfoil::Limits;
use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_test_support::{output_of, python_reader};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::administration::Admin;
use crate::client::{Request, recorded};
use crate::oauth::FORM;
use crate::openapi_contract::{operations, path_of};
use crate::test_server::{PASSWORD, TestServer, text};

/// All calls of these tests, made once: the statuses, and each exchange as JSON.
async fn calls() -> &'static (Seen, Vec<Value>) {
    static CALLS: OnceCell<(Seen, Vec<Value>)> = OnceCell::const_new();
    let make_all = async || {
        let mut seen = BTreeSet::new();
        let exchanges = Box::pin(recorded(async {
            call_every_route(&mut seen).await;
            crate::administration::documented_statuses::call_every_route(&mut seen).await;
            crate::doctor::call_every_route(&mut seen).await;
            crate::feed::call_every_route(&mut seen).await;
            crate::status_lists::call_every_route(&mut seen).await;
            crate::forward_auth::call_every_route(&mut seen).await;
            crate::oauth::call_every_route(&mut seen).await;
            exceed_rate_limits(&mut seen).await;
            exceed_write_rate_limits(&mut seen).await;
            time_out_bodies(&mut seen).await;
            exceed_body_memory(&mut seen).await;
        }));
        let exchanges = exchanges.await;
        (seen, exchanges)
    };
    CALLS.get_or_init(make_all).await
}

/// The validator is `jsonschema` on PyPI. It refuses undocumented members, too.
#[tokio::test]
async fn every_response_is_as_documented() {
    let Some(mut validator) = python_reader("validate_responses.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (document, file) = (folder.path().join("openapi.json"), folder.path().join("exchanges.json"));
    std::fs::write(&document, counterfoil::openapi().to_string()).unwrap();
    let (seen, exchanges) = calls().await;
    std::fs::write(&file, json!(exchanges).to_string()).unwrap();

    validator.args([&document, &file]);
    let validated: Value = serde_json::from_str(&output_of(validator)).unwrap();

    let validated = validated.as_array().unwrap().iter().map(|response| {
        let part = |place: usize| response[place].as_str().unwrap().to_owned();
        (part(0), part(1), part(2))
    });
    let missing: Vec<_> = documented().difference(&validated.collect()).cloned().collect();
    assert!(missing.is_empty() && !seen.is_empty(), "not validated: {missing:?}");
}

#[tokio::test]
async fn every_documented_status_can_be_produced() {
    let (seen, _) = calls().await;

    let missing: Vec<_> = documented().difference(seen).cloned().collect();

    assert!(missing.is_empty(), "documented but not produced: {missing:?}");
}

/// Path, method and status of each documented response.
fn documented() -> Seen {
    let responses = operations().into_iter().flat_map(|(path, method, operation)| {
        let statuses: Vec<String> = operation["responses"].as_object().unwrap().keys().cloned().collect();
        statuses.into_iter().map(move |status| (path.clone(), method.clone(), status))
    });
    responses.collect()
}

type Seen = BTreeSet<(String, String, String)>;

async fn call_every_route(seen: &mut Seen) {
    let server = TestServer::open().await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    let hybrid = server.login("ada", "hybrid").await;
    let other = text(&server.login("ada", "jwt").await["session"], "id").to_owned();
    let form = json!({ "username": "ada", "password": PASSWORD });
    let bob = json!({ "username": "bob", "password": PASSWORD });
    let passwords = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let refresh = json!({ "refresh_token": hybrid["refresh_token"] });
    let good = [
        ("post", "/v1/register", Some(bob.clone())),
        ("post", "/v1/register", Some(form.clone())),
        ("post", "/v1/login", Some(form.clone())),
        ("post", "/v1/login", Some(bob)),
        ("post", "/v1/login", Some(json!({ "username": "ada", "password": "x" }))),
        ("post", "/v1/refresh", Some(refresh.clone())),
        ("post", "/v1/refresh", Some(json!({}))),
        ("post", "/v1/logout", Some(json!({}))),
        ("get", "/v1/me", None),
        ("post", "/v1/token", Some(json!({}))),
        ("get", "/v1/sessions", None),
        ("get", "/v1/sessions?limit=0", None),
        ("get", "/v1/activity", None),
        ("get", "/v1/activity?session=x", None),
        ("delete", "/v1/sessions?except=x", None),
        ("get", &format!("/v1/sessions/{other}"), None),
        ("patch", &format!("/v1/sessions/{other}"), Some(json!({ "label": "phone" }))),
        ("patch", &format!("/v1/sessions/{other}"), Some(json!({}))),
        ("get", "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA", None),
        ("patch", "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA", Some(json!({ "label": null }))),
        ("delete", &format!("/v1/sessions/{other}"), None),
        ("delete", "/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA", None),
        ("get", "/v1/session/data", None),
        ("patch", "/v1/session/data", Some(json!({ "a": 1 }))),
        ("get", "/.well-known/jwks.json", None),
        ("get", "/.well-known/oauth-authorization-server", None),
        ("get", "/openapi.json", None),
        ("get", "/problems/invalid-token", None),
        ("get", "/problems/unknown", None),
        ("get", "/healthz", None),
        ("get", "/readyz", None),
        ("delete", "/v1/sessions", None),
        (
            "post",
            "/v1/password",
            Some(json!({ "current_password": "x", "new_password": "long enough for us" })),
        ),
        ("post", "/v1/password", Some(passwords)),
    ];
    let each = |seen: &mut Seen, method: &str, path: &str, status: u16| {
        let path = path.split('?').next().unwrap();
        let path = if path.starts_with("/v1/sessions/") { "/v1/sessions/{id}" } else { path };
        let path = if path.starts_with("/problems/") { "/problems/{name}" } else { path };
        seen.insert((path.to_owned(), method.to_owned(), status.to_string()));
    };
    for (method, path, body) in &good {
        let verb = method.to_uppercase();
        let plain = Request::new(&verb, path);
        let full = body.iter().fold(plain.clone(), |request, body| request.json(body));
        let is_public = matches!(*path, "/v1/register" | "/v1/login" | "/v1/refresh" | "/v1/logout");
        let shown = if is_public { full.clone() } else { full.clone().bearer(&bearer) };
        let variants = [
            plain.clone(),
            shown.clone(),
            full.clone()
                .header("origin", "https://attacker.example")
                .header("cookie", "counterfoil-session=x"),
            shown.clone().header("if-match", "\"99\""),
            // The tag of data that was never stored.
            shown.clone().header("if-none-match", "\"0\""),
            full.clone().bearer(&bearer).bearer("cfs_other"),
            plain.clone().body("text/plain", "x").bearer(&bearer),
            plain.clone().body("application/json", "{").bearer(&bearer),
            plain.clone().body("application/json", vec![b' '; 70_000]).bearer(&bearer),
            plain
                .clone()
                .json(&json!({ "scope": 1, "audience": 1, "refresh_token": 1, "current_password": 1 }))
                .bearer(&bearer),
            plain.clone().json(&json!({ "scope": 1 })).bearer(&bearer),
            plain.clone().json(&json!({ "refresh_token": 1 })).bearer(&bearer),
            plain.clone().json(&json!({ "audience": 1 })).bearer(&bearer),
            plain.clone().json(&json!({ "current_password": 1, "new_password": 1 })).bearer(&bearer),
            plain.clone().json(&json!({ "username": 1 })),
        ];
        for request in variants {
            each(seen, method, path, request.send(&server).await.status);
        }
    }
    let form = json!({
        "username": "ada", "current_password": "another horse battery", "new_password": "a third horse battery",
    });
    each(seen, "post", "/v1/password", Request::post("/v1/password").json(&form).send(&server).await.status);
    // Rotates once, then is retried until the limit of repeats.
    let token = server.refresh_token("ada", "a third horse battery").await;
    for _ in 0..70 {
        let response =
            Request::post("/v1/refresh").json(&json!({ "refresh_token": token })).send(&server).await;
        each(seen, "post", "/v1/refresh", response.status);
    }
    let other = server.refresh_token("ada", "a third horse battery").await;
    let widened = json!({ "refresh_token": other, "scope": "more" });
    each(seen, "post", "/v1/refresh", Request::post("/v1/refresh").json(&widened).send(&server).await.status);
    server.app.close().await.unwrap();
    for (method, path, body) in &good {
        let request = Request::new(&method.to_uppercase(), path).bearer(&bearer);
        let request = body.iter().fold(request, |request, body| request.json(body));
        each(seen, method, path, request.send(&server).await.status);
    }
}

/// Fails until the rate limits reject.
async fn exceed_rate_limits(seen: &mut Seen) {
    let once = RateLimit { max: 1, window: Duration::from_secs(900) };
    let server = TestServer::with(|settings| {
        settings.rate_limits.per_account_and_ip = once;
        settings.rate_limits.password_change = once;
        settings.rate_limits.registrations_per_ip = once;
    })
    .await;
    server.register("ada").await;
    let session = server.login("ada", "session").await;
    let bearer = text(&session, "session_token");
    let wrong = json!({ "username": "ada", "password": "wrong horse battery" });
    let passwords =
        json!({ "current_password": "wrong horse battery", "new_password": "another horse battery" });
    for (path, form) in [("/v1/password", passwords), ("/v1/login", wrong.clone()), ("/v1/register", wrong)] {
        for _ in 0..2 {
            let response = Request::post(path).json(&form).bearer(bearer).send(&server).await;
            seen.insert((path.to_owned(), "post".to_owned(), response.status.to_string()));
        }
    }
}

/// Ends and deletes more than one user may.
async fn exceed_write_rate_limits(seen: &mut Seen) {
    let once = RateLimit { max: 1, window: Duration::from_secs(900) };
    let server = TestServer::with(|settings| {
        settings.write_rate_limits.per_user = once;
        settings.write_rate_limits.session_ends_per_user = once;
        settings.write_rate_limits.single_session_ends_per_user = once;
    })
    .await;
    let admin = Admin::new(&server).await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    for (path, method, _) in operations().into_iter().filter(|(_, method, _)| method == "delete") {
        let bearer = if path.starts_with("/v1/admin/") { &admin.bearer } else { &bearer };
        let request = Request::new("DELETE", &path_of(&path)).bearer(bearer);
        for _ in 0..2 {
            let status = request.send(&server).await.status;
            seen.insert((path.clone(), method.clone(), status.to_string()));
        }
    }
}

/// Announces a body to each route that accepts one, and never sends it.
async fn time_out_bodies(seen: &mut Seen) {
    let server =
        TestServer::with(|settings| settings.limits.request_timeout = Duration::from_millis(500)).await;
    for (path, method, request) in announcements(&server).await {
        seen.insert((path, method, request.send(&server).await.status.to_string()));
    }
}

/// Sends a body to each route that accepts one, from a client IP whose body memory is used up by an incomplete body.
async fn exceed_body_memory(seen: &mut Seen) {
    const FROM: &str = "192.0.2.1";
    let server = TestServer::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.limits = Limits::default().with(|limits| {
            limits.max_connections_per_ip = 1;
            limits.max_total_body_memory = 1 << 20;
        });
    })
    .await;
    let requests = announcements(&server).await;
    let incomplete = format!(
        "POST /v1/login HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {FROM}\r\n\
         content-type: application/json\r\ncontent-length: 65000\r\n\r\n{:64000}",
        "{"
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(incomplete.as_bytes()).await.unwrap();
    let probe = Request::post("/v1/login").json(&json!({})).header("x-forwarded-for", FROM);
    let is_used_up = async { while probe.clone().send(&server).await.status != 429 {} };
    timeout(Duration::from_secs(10), is_used_up).await.unwrap();

    for (path, method, request) in requests {
        let response = request.header("x-forwarded-for", FROM).send(&server).await;
        assert_eq!(response.status, 429, "{method} {path}");
        seen.insert((path, method, response.status.to_string()));
    }
}

/// For each route that accepts a body, an authenticated request that announces one.
async fn announcements(server: &TestServer) -> Vec<(String, String, Request)> {
    let admin = Admin::new(server).await;
    server.register("ada").await;
    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    let accepts_a_body = |operation: &Value| operation["responses"]["408"].is_object();
    let taking = operations().into_iter().filter(|(.., operation)| accepts_a_body(operation));
    let announced = taking.map(|(path, method, _)| {
        let request = Request::new(&method.to_uppercase(), &path_of(&path));
        let kind = if path.starts_with("/oauth/") { FORM } else { "application/json" };
        let request = request.header("content-type", kind).header("content-length", "9");
        let request = match &*path {
            "/v1/register" | "/v1/login" | "/v1/refresh" | "/v1/logout" | "/oauth/introspect"
            | "/oauth/revoke" => request,
            "/v1/password" | "/v1/session/data" | "/v1/sessions/{id}" | "/v1/token" => {
                request.bearer(&bearer)
            }
            _ => request.bearer(&admin.bearer),
        };
        (path, method, request)
    });
    announced.collect()
}

impl TestServer {
    /// The refresh token of a new login with this password.
    async fn refresh_token(&self, name: &str, password: &str) -> Value {
        let form = json!({ "username": name, "password": password, "mode": "hybrid" });
        Request::post("/v1/login").json(&form).send(self).await.json()["refresh_token"].clone()
    }
}
