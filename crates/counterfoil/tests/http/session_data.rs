//! Session data: merge patches, entity tags, the size limit, and deletion with the session.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Request, Response};
use crate::test_server::{TestServer, text};

async fn log_in() -> (TestServer, String) {
    let server = TestServer::open().await;
    server.register("ada").await;
    let token = text(&server.login("ada", "session").await, "session_token").to_owned();
    (server, token)
}

async fn patch(server: &TestServer, token: &str, patch: &Value) -> Response {
    Request::new("PATCH", "/v1/session/data").bearer(token).json(patch).send(server).await
}

async fn show(server: &TestServer, token: &str) -> Response {
    Request::get("/v1/session/data").bearer(token).send(server).await
}

#[tokio::test]
async fn patches_are_merged_according_to_rfc_7396() {
    let (server, token) = log_in().await;
    assert_eq!(show(&server, &token).await.json(), json!({}));

    // The cases of RFC 7396, appendix A, in which both sides are objects, applied in sequence.
    for (given, expected) in [
        (json!({ "a": "b" }), json!({ "a": "b" })),
        (json!({ "a": "c" }), json!({ "a": "c" })),
        (json!({ "b": "c" }), json!({ "a": "c", "b": "c" })),
        (json!({ "a": null }), json!({ "b": "c" })),
        (json!({ "b": ["x"] }), json!({ "b": ["x"] })),
        (json!({ "b": { "c": { "d": null }, "e": 1 } }), json!({ "b": { "c": {}, "e": 1 } })),
        (json!({ "b": { "e": null, "f": [null] } }), json!({ "b": { "c": {}, "f": [null] } })),
        (json!({}), json!({ "b": { "c": {}, "f": [null] } })),
    ] {
        let response = patch(&server, &token, &given).await;
        assert_eq!((response.status, response.json()), (200, expected.clone()));
        assert_eq!(show(&server, &token).await.json(), expected);
    }
    let as_patch =
        Request::new("PATCH", "/v1/session/data").bearer(&token).body("application/merge-patch+json", "{}");
    assert_eq!(as_patch.send(&server).await.status, 200);
    for not_an_object in ["[]", "\"x\"", "null", "1"] {
        let request =
            Request::new("PATCH", "/v1/session/data").bearer(&token).body("application/json", not_an_object);
        assert_eq!(request.send(&server).await.status, 400);
    }
}

#[tokio::test]
async fn parallel_patches_of_different_members_are_all_kept() {
    let (server, token) = log_in().await;
    let server = Arc::new(server);
    let mut patches = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (server, token) = (Arc::clone(&server), token.clone());
        patches.spawn(async move { patch(&server, &token, &json!({ format!("m{n}"): n })).await.status });
    }

    assert!(patches.join_all().await.into_iter().all(|status| status == 200));

    let members = show(&server, &token).await.json();
    assert_eq!(members.as_object().unwrap().len(), 50);
    assert!((0..50).all(|n| members[format!("m{n}")] == n));
}

#[tokio::test]
async fn if_match_prevents_lost_updates() {
    let (server, token) = log_in().await;
    let first = patch(&server, &token, &json!({ "a": 1 })).await;
    let tag = first.header("etag").unwrap().to_owned();
    let guarded = |tag: String| {
        let request = Request::new("PATCH", "/v1/session/data").bearer(&token).json(&json!({ "a": 2 }));
        request.header("if-match", tag)
    };
    assert_eq!(show(&server, &token).await.header("etag"), Some(&*tag));

    assert_eq!(guarded(tag.clone()).send(&server).await.status, 200);
    let stale = guarded(tag.clone()).send(&server).await;
    assert_eq!((stale.status, stale.problem().as_str()), (412, "precondition_failed"));
    let present = show(&server, &token).await.header("etag").unwrap().to_owned();
    assert_eq!(guarded(format!("{tag}, {present}")).send(&server).await.status, 200);
    assert_eq!(guarded(format!("W/{present}")).send(&server).await.status, 412);
    assert_eq!(guarded("*".into()).send(&server).await.status, 200);
    assert_eq!(guarded("no tag".into()).send(&server).await.status, 400);
}

#[tokio::test]
async fn session_data_is_limited_to_sixteen_kibibytes() {
    let (server, token) = log_in().await;
    assert_eq!(patch(&server, &token, &json!({ "a": "x".repeat(16_000) })).await.status, 200);

    let response = patch(&server, &token, &json!({ "b": "x".repeat(400) })).await;

    assert_eq!((response.status, response.problem().as_str()), (413, "data_too_large"));
    assert!(show(&server, &token).await.json()["b"].is_null());
    assert_eq!(patch(&server, &token, &json!({ "a": null, "b": "x" })).await.status, 200);
}

#[tokio::test]
async fn session_data_belongs_to_one_session_and_ends_with_it() {
    let (server, token) = log_in().await;
    let other = text(&server.login("ada", "jwt").await, "access_token").to_owned();
    patch(&server, &token, &json!({ "cart": 1 })).await;

    assert_eq!(show(&server, &other).await.json(), json!({}));
    assert_eq!(patch(&server, &other, &json!({ "cart": 2 })).await.status, 200);
    Request::post("/v1/logout").bearer(&token).send(&server).await;
    assert_eq!(patch(&server, &token, &json!({ "cart": 3 })).await.status, 401);
    assert_eq!(show(&server, &other).await.json(), json!({ "cart": 2 }));
}
