//! Token Status List: what is served, and how soon a revocation is in it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use counterfoil_jose::{Algorithm, JwkSet, KeySet, Time, unverified};
use counterfoil_verify::{StatusListLimits, StatusListReference, StatusListToken, TokenStatus};

use crate::administration::Admin;
use crate::client::{Request, Response};
use crate::test_server::TestServer;

async fn keys(server: &TestServer) -> KeySet {
    let jwks = Request::get("/.well-known/jwks.json").send(server).await;
    JwkSet::from_json(&jwks.body).unwrap().to_key_set(&[Algorithm::Es256])
}

async fn fetch(server: &TestServer, path: &str) -> Response {
    Request::get(path).header("accept", "application/statuslist+jwt").send(server).await
}

/// What an access token says of its status.
fn reference(login: &Value) -> StatusListReference {
    let payload = unverified::decode(login["access_token"].as_str().unwrap()).unwrap().payload;
    serde_json::from_value(payload["status"]["status_list"].clone()).unwrap()
}

/// The status of the tokens of a login, as a service reads it that follows no feed.
async fn status(server: &TestServer, login: &Value) -> TokenStatus {
    let reference = reference(login);
    let path = reference.uri.strip_prefix(&server.origin).unwrap();
    let response = fetch(server, path).await;
    assert_eq!(response.status, 200, "{response:?}");
    let (token, keys) = (std::str::from_utf8(&response.body).unwrap(), keys(server).await);
    let (limits, now) = (StatusListLimits::default(), server.app.now());
    let list =
        StatusListToken::verify(token, &reference.uri, &keys, &[Algorithm::Es256], &limits, now).unwrap();
    assert_eq!(list.refetch_after(), Duration::from_secs(60));
    list.status(&reference, now).unwrap()
}

/// How long it takes until the lists show the revocation of a login.
async fn time_until_invalid(server: &TestServer, login: &Value) -> Duration {
    let since = Instant::now();
    while status(server, login).await == TokenStatus::Valid {
        assert!(since.elapsed() < Duration::from_secs(5), "it is still valid");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(server, login).await, TokenStatus::Invalid);
    since.elapsed()
}

#[tokio::test]
async fn a_logout_is_in_the_list_within_a_second() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (jwt, hybrid) = (server.login("ada", "jwt").await, server.login("ada", "hybrid").await);
    assert_eq!(status(&server, &jwt).await, TokenStatus::Valid);
    assert_eq!(status(&server, &hybrid).await, TokenStatus::Valid);
    assert_ne!(reference(&jwt), reference(&hybrid));

    let token = jwt["access_token"].as_str().unwrap();
    assert_eq!(Request::post("/v1/logout").bearer(token).send(&server).await.status, 204);

    let elapsed = time_until_invalid(&server, &jwt).await;
    assert!(elapsed < Duration::from_millis(1_300), "{elapsed:?}");
    assert_eq!(status(&server, &hybrid).await, TokenStatus::Valid);
}

#[tokio::test]
async fn a_revocation_of_everyone_is_in_the_list_and_later_logins_are_not() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let before = server.login("ada", "jwt").await;
    let admin = Admin::new(&server).await;
    admin.revoke("everyone").await;

    time_until_invalid(&server, &before).await;

    assert_eq!(status(&server, &server.login("ada", "jwt").await).await, TokenStatus::Valid);
}

#[tokio::test]
async fn a_list_is_a_signed_document_that_every_page_may_read() {
    let server = TestServer::open().await;

    let response = fetch(&server, "/v1/status-lists/0").await;

    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/statuslist+jwt"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(response.header("cache-control"), Some("public, no-cache"));
    let token = unverified::decode(std::str::from_utf8(&response.body).unwrap()).unwrap();
    assert_eq!(token.header["typ"], "statuslist+jwt");
    let claims = Value::Object(token.payload);
    assert_eq!(claims["iss"], server.app.settings().issuer.as_str());
    assert_eq!(claims["sub"], format!("{}/v1/status-lists/0", server.origin));
    let iat = claims["iat"].as_u64().unwrap();
    assert!(server.app.now().since(Time::from_unix_seconds(iat)) < Duration::from_secs(5));
    assert_eq!((&claims["exp"], &claims["ttl"]), (&json!(iat + 120), &json!(60)));
    assert_eq!(claims["status_list"]["bits"], 1);
    assert_eq!(claims["status_list"]["aggregation_uri"], format!("{}/v1/status-lists", server.origin));
    // A list without revocations is as long as every other one, and compressed to some bytes.
    assert!(response.body.len() < 1_000, "{} bytes", response.body.len());
}

#[tokio::test]
async fn a_list_is_signed_once_and_a_reader_that_has_it_gets_304() {
    let server = TestServer::open().await;
    let (first, second) =
        (fetch(&server, "/v1/status-lists/0").await, fetch(&server, "/v1/status-lists/0").await);
    assert_eq!(first.body, second.body, "ES256 signs the same bytes differently each time");
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(second.header("etag"), Some(&*tag));

    let get = || Request::get("/v1/status-lists/0");
    let unchanged = get().header("if-none-match", &tag).send(&server).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.header("etag"), Some(&*tag));
    assert_eq!(unchanged.header("access-control-allow-origin"), Some("*"));
    assert_eq!(get().header("if-none-match", "\"7\"").send(&server).await.status, 200);
    assert_eq!(get().header("if-none-match", "not a tag").send(&server).await.status, 200);
}

#[tokio::test]
async fn a_list_that_does_not_exist_is_not_found() {
    let server = TestServer::open().await;
    for number in ["1", "18446744073709551615", "18446744073709551616", "-1", "00x", "%30"] {
        assert_eq!(fetch(&server, &format!("/v1/status-lists/{number}")).await.status, 404, "{number}");
    }
    assert_eq!(Request::post("/v1/status-lists/0").send(&server).await.status, 405);
}

#[tokio::test]
async fn the_metadata_leads_to_all_lists() {
    let server = TestServer::open().await;
    let metadata = Request::get("/.well-known/oauth-authorization-server").send(&server).await.json();
    let endpoint = metadata["status_list_aggregation_endpoint"].as_str().unwrap();

    let response = Request::get(endpoint.strip_prefix(&server.origin).unwrap()).send(&server).await;

    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let all = json!({ "status_lists": [format!("{}/v1/status-lists/0", server.origin)] });
    assert_eq!(response.json(), all);
}

#[tokio::test]
async fn without_the_claim_tokens_name_no_list() {
    let server = TestServer::with(|settings| settings.status_claim = false).await;
    server.register("ada").await;

    let login = server.login("ada", "jwt").await;

    let payload = unverified::decode(login["access_token"].as_str().unwrap()).unwrap().payload;
    assert!(!payload.contains_key("status"));
    let metadata = Request::get("/.well-known/oauth-authorization-server").send(&server).await.json();
    assert!(metadata.get("status_list_aggregation_endpoint").is_none());
    // For the tokens of before.
    assert_eq!(fetch(&server, "/v1/status-lists/0").await.status, 200);
}

/// A list is no credential, and an access token is no list.
#[tokio::test]
async fn a_status_list_token_is_not_an_access_token() {
    let server = TestServer::open().await;
    let response = fetch(&server, "/v1/status-lists/0").await;
    assert_eq!(server.me(std::str::from_utf8(&response.body).unwrap()).await, 401);
}

/// Adds the status of each response that is documented: path, method, status.
pub(crate) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
    let server = TestServer::open().await;
    let tag = fetch(&server, "/v1/status-lists/0").await.header("etag").unwrap().to_owned();
    let one = "/v1/status-lists/{n}";
    let mut add = |path: &str, response: Response| {
        seen.insert((path.to_owned(), "get".to_owned(), response.status.to_string()));
    };
    add(one, fetch(&server, "/v1/status-lists/0").await);
    add(one, fetch(&server, "/v1/status-lists/7").await);
    add(one, Request::get("/v1/status-lists/0").header("if-none-match", &tag).send(&server).await);
    add("/v1/status-lists", fetch(&server, "/v1/status-lists").await);
    server.app.close().await.unwrap();
    sleep(Duration::from_millis(1_100)).await;
    add(one, fetch(&server, "/v1/status-lists/0").await);
    add("/v1/status-lists", fetch(&server, "/v1/status-lists").await);
}
