//! Produces the documented statuses of the admin routes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Admin, UserCredentials, token_part};
use crate::client::Request;
use crate::event_stream::EventStream;
use crate::test_server::{PASSWORD, TestServer, text};

type Seen = BTreeSet<(String, String, String)>;

/// One call: method, path as it is sent, body.
type Call = (&'static str, String, Option<Value>);

/// Calls every admin route in many variants, and records the statuses.
pub(crate) async fn call_every_route(seen: &mut Seen) {
    let server = TestServer::open().await;
    server.register("ada").await;
    let admin = Admin::new(&server).await;
    let ada = UserCredentials::log_in(&server, "ada", "default").await;
    let bearer = text(&ada.session, "session_token");
    let spare = admin.send_ok("POST", "/v1/admin/admin-keys", &json!({ "name": "spare" })).await;
    let verifier = admin.send_ok("POST", "/v1/admin/verifier-keys", &json!({ "name": "spare" })).await;
    server.register("eve").await;
    let eve = text(&server.login("eve", "jwt").await["user"], "id").to_owned();
    server.add_admin("root").await;
    let root = text(&server.login("root", "session").await["user"], "id").to_owned();
    let mut calls = calls(&ada);
    let root = format!("/v1/admin/users/{root}");
    calls.push(("PATCH", root.clone(), Some(json!({ "roles": [] }))));
    calls.push(("DELETE", root, None));
    calls.insert(0, ("DELETE", format!("/v1/admin/admin-keys/{}", text(&spare, "id")), None));
    calls.insert(0, ("DELETE", format!("/v1/admin/verifier-keys/{}", text(&verifier, "id")), None));
    calls.insert(0, ("DELETE", format!("/v1/admin/users/{eve}"), None));
    for call @ (_, _, body) in &calls {
        let (plain, full) = (request(call, false), request(call, true));
        let wrong = body.iter().flat_map(|body| body.as_object().unwrap().keys());
        let wrong = wrong.map(|member| plain.clone().json(&json!({ member: [[]] })).bearer(&admin.bearer));
        let variants = [
            full.clone(),
            full.clone().bearer(bearer),
            full.clone().bearer(&admin.bearer),
            full.clone().bearer(&admin.bearer).bearer("cfs_other"),
            plain.clone().body("text/plain", "x").bearer(&admin.bearer),
            plain.clone().body("application/json", "{").bearer(&admin.bearer),
            plain.clone().body("application/json", vec![b' '; 70_000]).bearer(&admin.bearer),
            with_query(call, "unknown=1").bearer(&admin.bearer),
            with_unknown_id(call).bearer(&admin.bearer),
        ];
        for request in variants.into_iter().chain(wrong) {
            record(seen, &request, request.send(&server).await.status);
        }
    }
    call_live(seen, &server, &admin.bearer).await;
    server.app.close().await.unwrap();
    calls.push(("GET", "/v1/admin/live".into(), None));
    for call in &calls {
        let request = request(call, true).bearer(&admin.bearer);
        record(seen, &request, request.send(&server).await.status);
    }
}

/// The calls, in an order in which each can succeed.
fn calls(ada: &UserCredentials) -> Vec<Call> {
    let user = format!("/v1/admin/users/{}", ada.user);
    let key = format!("/v1/admin/keys/{}", token_part(text(&ada.jwt, "access_token"), 0, "kid"));
    let bob = json!({ "username": "bob", "password": PASSWORD, "roles": [] });
    let shop = json!({ "id": "shop", "name": "Shop" });
    let revocation = json!({ "subject": format!("session:{}", ada.session_id()), "wait": "none" });
    let unknown_user = json!({ "subject": format!("user:{}", "A".repeat(22)) });
    vec![
        ("GET", "/v1/admin/users".into(), None),
        ("POST", "/v1/admin/users".into(), Some(bob.clone())),
        ("POST", "/v1/admin/users".into(), Some(bob)),
        ("GET", user.clone(), None),
        ("PATCH", user.clone(), Some(json!({ "roles": ["staff"] }))),
        ("GET", format!("{user}/sessions"), None),
        ("GET", "/v1/admin/sessions".into(), None),
        ("GET", "/v1/admin/clients".into(), None),
        ("POST", "/v1/admin/clients".into(), Some(shop.clone())),
        ("POST", "/v1/admin/clients".into(), Some(shop)),
        ("GET", "/v1/admin/clients/shop".into(), None),
        ("PATCH", "/v1/admin/clients/shop".into(), Some(json!({ "name": "The shop" }))),
        ("GET", "/v1/admin/admin-keys".into(), None),
        ("POST", "/v1/admin/admin-keys".into(), Some(json!({ "name": "deploy" }))),
        ("POST", "/v1/doctor/probes".into(), None),
        ("GET", "/v1/admin/nodes".into(), None),
        ("GET", "/v1/admin/verifiers".into(), None),
        ("GET", "/v1/admin/verifier-keys".into(), None),
        ("POST", "/v1/admin/verifier-keys".into(), Some(json!({ "name": "orders" }))),
        ("GET", "/v1/admin/keys".into(), None),
        ("POST", "/v1/admin/keys".into(), Some(json!({ "purpose": "refresh_token" }))),
        ("DELETE", key, None),
        ("GET", "/v1/admin/events".into(), None),
        ("GET", "/v1/admin/rate-limits?username=ada".into(), None),
        ("DELETE", "/v1/admin/rate-limits?username=ada".into(), None),
        ("GET", "/v1/revocations".into(), None),
        ("POST", "/v1/revocations".into(), Some(unknown_user)),
        ("POST", "/v1/revocations".into(), Some(revocation)),
    ]
}

/// Calls the live updates. A stream does not end by itself, so most calls are `HEAD`.
async fn call_live(seen: &mut Seen, server: &TestServer, admin: &str) {
    let call = || Request::new("HEAD", "/v1/admin/live");
    server.register("zoe").await;
    let zoe = server.login("zoe", "session").await;
    let bearer = format!("Bearer {admin}");
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(EventStream::open(server, "/v1/admin/live", &[("authorization", &bearer)]).await);
    }
    let other = Admin::new(server).await.bearer;
    for request in [
        call(),
        call().bearer(&other),
        call().bearer(admin),
        call().bearer(admin).bearer("cfs_other"),
        call().bearer(text(&zoe, "session_token")),
        Request::get("/v1/admin/live?topics=x").bearer(admin),
    ] {
        let status = request.send(server).await.status;
        seen.insert(("/v1/admin/live".to_owned(), "get".to_owned(), status.to_string()));
    }
}

fn request((method, path, body): &Call, is_full: bool) -> Request {
    let plain = Request::new(method, path);
    body.iter().filter(|_| is_full).fold(plain, |request, body| request.json(body))
}

fn with_query((method, path, _): &Call, query: &str) -> Request {
    let separator = if path.contains('?') { '&' } else { '?' };
    Request::new(method, &format!("{path}{separator}{query}"))
}

/// The same call with an id that does not exist.
fn with_unknown_id(call @ (_, path, _): &Call) -> Request {
    let mut parts: Vec<&str> = path.split('/').collect();
    if let Some(id) = parts.get_mut(4) {
        *id = "AAAAAAAAAAAAAAAAAAAAAB";
    }
    Request { path: parts.join("/"), ..request(call, true) }
}

fn record(seen: &mut Seen, request: &Request, status: u16) {
    let path = request.path.split('?').next().unwrap();
    let parts = path.split('/').enumerate();
    let template: Vec<_> = parts.map(|(place, part)| if place == 4 { "{id}" } else { part }).collect();
    seen.insert((template.join("/"), request.method.to_lowercase(), status.to_string()));
}
