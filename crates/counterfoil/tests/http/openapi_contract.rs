//! The API matches its OpenAPI document; standard headers, the JWKS and the metadata.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::administration::Admin;
use crate::client::Request;
use crate::feed::add_key;
use crate::oauth::FORM;
use crate::test_server::{PASSWORD, TestServer, text};

/// A documented path with an id in place of `{id}`, and a problem in place of `{name}`.
pub(crate) fn path_of(template: &str) -> String {
    let path = template.replace("{proxy}", "nginx").replace("{options}", "-");
    let path = path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA").replace("{name}", "invalid-token");
    path.replace("{n}", "0")
}

/// Path, method and operation of each documented call.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let document = counterfoil::openapi();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = paths.into_iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().clone();
        methods.into_iter().map(move |(method, operation)| (path.clone(), method, operation))
    });
    operations.collect()
}

/// Collects every `$ref` below `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(String::from));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_in_the_openapi_document_resolves() {
    let document = counterfoil::openapi();
    let mut found = Vec::new();
    references(&document, &mut found);

    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for (path, method, operation) in operations() {
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
        assert!(operation["operationId"].is_string());
    }
}

/// A client that is made from the document expects null where it says so, and nowhere else.
#[tokio::test]
async fn a_member_is_null_where_the_document_says_so_and_left_out_elsewhere() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut answers = Vec::new();
    for mode in ["session", "jwt", "hybrid"] {
        let login = server.login("ada", mode).await;
        answers.extend([("User", login["user"].clone()), ("Credentials", login)]);
    }
    let bearer = text(&answers[1].1, "session_token").to_owned();
    let sessions = Request::get("/v1/sessions").bearer(&bearer).send(&server).await.json();
    let activity = Request::get("/v1/activity").bearer(&bearer).send(&server).await.json();
    let wrong = Request::post("/v1/login").json(&json!({ "username": "ada", "password": "x" }));
    answers.extend([
        ("SessionRow", sessions["sessions"][0].clone()),
        ("SessionList", sessions),
        ("ActivityEvent", activity["events"][0].clone()),
        ("Problem", wrong.send(&server).await.json()),
        ("Metadata", Request::get("/.well-known/oauth-authorization-server").send(&server).await.json()),
        ("Readiness", Request::get("/readyz").send(&server).await.json()),
    ]);

    let document = counterfoil::openapi();
    for (name, answer) in answers {
        let members = document["components"]["schemas"][name]["properties"].as_object().unwrap();
        for (member, schema) in members {
            let says_null = schema.to_string().contains("\"null\"");
            match answer.get(member) {
                None => assert!(!says_null, "{name}.{member} is left out"),
                Some(Value::Null) => assert!(says_null, "{name}.{member} is null"),
                Some(_) => {}
            }
        }
    }
}

/// Descriptions come from doc comments, which may hold examples in Rust and links to items.
#[test]
fn no_description_contains_rust() {
    let document = counterfoil::openapi().to_string();

    for rust in ["```", "[`", "::"] {
        assert!(!document.contains(rust), "{rust}");
    }
}

#[test]
fn each_operation_has_its_own_id() {
    let operations = operations();
    let ids: BTreeSet<&str> =
        operations.iter().map(|(.., operation)| text(operation, "operationId")).collect();
    assert_eq!(ids.len(), operations.len(), "{ids:?}");
}

#[tokio::test]
async fn every_path_supports_exactly_the_documented_methods() {
    let server = TestServer::open().await;
    let paths: BTreeSet<String> = operations().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths.len(), 50);
    // A proxy may ask with every method; `forward_auth` tests that.
    for path in paths.into_iter().filter(|path| !path.starts_with("/v1/verify/")) {
        let mut documented: BTreeSet<String> = operations()
            .into_iter()
            .filter(|(found, ..)| *found == path)
            .map(|(_, method, _)| method.to_uppercase())
            .collect();
        if documented.contains("GET") {
            documented.insert("HEAD".into());
        }
        for method in ["TRACE", "OPTIONS", "PUT", "FROB"] {
            let response = Request::new(method, &path_of(&path)).send(&server).await;
            assert_eq!(response.status, 405, "{method} {path}");
            let allowed: BTreeSet<String> =
                response.header("allow").unwrap().split(',').map(String::from).collect();
            assert_eq!(allowed, documented, "{path}");
        }
    }
}

#[tokio::test]
async fn get_and_head_change_nothing() {
    let server = TestServer::open().await;
    server.add_admin("ada").await;
    let session = server.login("ada", "session").await;
    for (path, method, operation) in operations().into_iter().filter(|(_, method, _)| method == "get") {
        // The feed accepts verifier keys only, and the routes for the doctor probes only.
        let has_own_keys = operation["tags"][0] == "feed" || path.starts_with("/v1/doctor/");
        let expected = if path.contains("{id}") {
            404
        } else if has_own_keys {
            401
        } else if path == "/v1/host-login" || path == "/v1/admin/live" {
            422
        } else if path.starts_with("/v1/verify/") || path.starts_with("/.counterfoil/") {
            // Without the headers of a proxy.
            400
        } else {
            200
        };
        let query = match path.as_str() {
            "/v1/admin/rate-limits" => "?username=ada",
            // A stream does not end by itself.
            "/v1/admin/live" => "?topics=none",
            _ => "",
        };
        let path = path_of(&path) + query;
        for method in [method.to_uppercase(), "HEAD".into()] {
            let response =
                Request::new(&method, &path).bearer(text(&session, "session_token")).send(&server).await;
            assert_eq!(response.status, expected, "{method} {path}");
            assert!(response.all("set-cookie").is_empty());
            assert_eq!(response.body.is_empty(), method == "HEAD", "{path}");
        }
    }
    let list =
        Request::get("/v1/sessions").bearer(text(&session, "session_token")).send(&server).await.json();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn path_aliases_get_404() {
    let server = TestServer::open().await;
    for alias in [
        "/v1/login/",
        "//v1/login",
        "/v1//login",
        "/V1/login",
        "/v1/Login",
        "/v1/%6cogin",
        "/v1%2flogin",
        "/v1/./login",
        "/v1/x/../login",
        "/v1/login;a",
        "/v1/login%00",
        "/v1\\login",
        "/v1",
        "/v1/sessions/",
        "/v1/sessions/a/b",
        "/.well-known/jwks.json/",
        "/problems/",
        "/problems/not-found/",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let response = Request::new(method, alias).send(&server).await;
            assert_eq!(response.status, 404, "{method} {alias}");
        }
    }
}

#[tokio::test]
async fn a_percent_encoded_session_id_is_not_found() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (one, other) = (server.login("ada", "session").await, server.login("ada", "session").await);
    let id = text(&other["session"], "id");
    let escaped = format!("%{:02x}{}", id.as_bytes()[0], &id[1..]);

    let end = |id: String| {
        Request::new("DELETE", &format!("/v1/sessions/{id}")).bearer(text(&one, "session_token"))
    };
    assert_eq!(end(escaped).send(&server).await.status, 404);
    assert_eq!(end(id.to_owned()).send(&server).await.status, 204);
}

#[tokio::test]
async fn the_jwks_contains_only_public_keys_and_may_be_cached() {
    let server = TestServer::open().await;

    let response = Request::get("/.well-known/jwks.json").send(&server).await;

    assert_eq!(response.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(response.header("cache-control"), Some("public, max-age=300"));
    let keys = response.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 2, "the current key and the next one");
    for key in &keys {
        assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
        for secret in ["d", "p", "q", "k"] {
            assert!(key[secret].is_null());
        }
    }
}

#[tokio::test]
async fn the_jwks_max_age_equals_the_rotation_delay() {
    let server = TestServer::with(|settings| settings.jwks_max_age = Duration::from_secs(3600)).await;
    let admin = Admin::new(&server).await;

    let response = Request::get("/.well-known/jwks.json").send(&server).await;
    let asked = server.app.now().unix_seconds();
    let begun = admin.send("POST", "/v1/admin/keys").await.json();

    assert_eq!(response.header("cache-control"), Some("public, max-age=3600"));
    let waits = begun["activated_at"].as_u64().unwrap() - asked;
    assert!((3600..=3600 + 120).contains(&waits), "{begun}");
}

#[tokio::test]
async fn the_metadata_names_the_configured_issuer_whatever_the_request_headers() {
    let server = TestServer::secure().await;
    let path = "/.well-known/oauth-authorization-server";

    let poisoned = Request::get(path)
        .header("x-forwarded-host", "attacker.example")
        .header("forwarded", "host=attacker.example")
        .send(&server)
        .await;

    let metadata = poisoned.json();
    assert_eq!(metadata["issuer"], "https://auth.example");
    assert_eq!(metadata["jwks_uri"], "https://auth.example/.well-known/jwks.json");
    assert!(!metadata.to_string().contains("attacker"));
}

#[tokio::test]
async fn hsts_is_sent_only_with_an_https_issuer() {
    for (server, expected) in
        [(TestServer::open().await, None), (TestServer::secure().await, Some("max-age=31536000"))]
    {
        let response = Request::get("/v1/me").send(&server).await;
        assert_eq!(response.header("strict-transport-security"), expected);
    }
}

#[tokio::test]
async fn a_request_id_from_an_untrusted_client_is_replaced() {
    let server = TestServer::open().await;

    let response = Request::get("/v1/me").header("x-request-id", "theirs-is-well-formed").send(&server).await;

    assert_ne!(response.header("x-request-id"), Some("theirs-is-well-formed"));
}

#[tokio::test]
async fn a_well_formed_request_id_from_a_trusted_proxy_is_kept() {
    let server =
        TestServer::with(|settings| settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let named = async |id: &str| {
        let response = Request::get("/v1/me").header("x-request-id", id).send(&server).await;
        response.header("x-request-id").unwrap().to_owned()
    };

    assert_eq!(named("0af7651916cd43dd8448eb211c80319c").await, "0af7651916cd43dd8448eb211c80319c");
    assert_ne!(named("with space in it").await, "with space in it");
    assert_eq!(named("short").await.len(), 16, "the server generates an id");
}

#[tokio::test]
async fn a_closed_app_is_alive_but_not_ready() {
    let server = TestServer::open().await;
    assert_eq!(Request::get("/readyz").send(&server).await.status, 200);

    server.app.close().await.unwrap();

    assert_eq!(Request::get("/healthz").send(&server).await.status, 200);
    let ready = Request::get("/readyz").send(&server).await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json(), json!({ "status": "unavailable", "failed": ["closing", "store"] }));
}

#[tokio::test]
async fn without_its_store_the_server_answers_503_and_authenticates_no_request() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (session, hybrid) = (server.login("ada", "session").await, server.login("ada", "hybrid").await);
    let key = add_key(&server).await;
    server.app.close().await.unwrap();
    let bearer = text(&session, "session_token");
    let credentials = json!({ "username": "ada", "password": PASSWORD });
    let passwords = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let refresh = json!({ "refresh_token": hybrid["refresh_token"] });

    for request in [
        Request::post("/v1/register").json(&credentials),
        Request::post("/v1/login").json(&credentials),
        Request::post("/v1/refresh").json(&refresh),
        Request::post("/v1/logout").json(&refresh),
        Request::get("/v1/me").bearer(bearer),
        Request::post("/v1/token").bearer(bearer),
        Request::get("/v1/sessions").bearer(bearer),
        Request::new("DELETE", "/v1/sessions").bearer(bearer),
        Request::new("DELETE", &format!("/v1/sessions/{}", text(&session["session"], "id"))).bearer(bearer),
        Request::get("/v1/session/data").bearer(bearer),
        Request::new("PATCH", "/v1/session/data").json(&json!({ "a": 1 })).bearer(bearer),
        Request::post("/v1/password").json(&passwords).bearer(bearer),
        Request::post("/oauth/introspect").body(FORM, format!("token={bearer}")).bearer(&key),
        Request::post("/oauth/revoke").body(FORM, format!("token={}", text(&hybrid, "refresh_token"))),
    ] {
        let response = request.send(&server).await;
        assert_eq!(response.status, 503, "{request:?} {response:?}");
        assert!(response.all("set-cookie").is_empty());
        assert!(
            !String::from_utf8(response.body).unwrap().contains("closed"),
            "the cause is not sent to the client"
        );
    }
    let browser = Request::post("/v1/logout").header("cookie", format!("counterfoil-session={bearer}"));
    let response = browser.header("sec-fetch-site", "same-origin").send(&server).await;
    assert_eq!((response.status, response.all("set-cookie").len()), (503, 0), "the cookie is not cleared");
}
