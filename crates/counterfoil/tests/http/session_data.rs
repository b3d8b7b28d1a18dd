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
    assert_eq!(guarded("\"a,b\"".into()).send(&server).await.status, 412, "a tag of another server");
    assert_eq!(guarded("no tag".into()).send(&server).await.status, 400);
}

#[tokio::test]
async fn if_none_match_saves_a_transfer_and_prevents_overwriting() {
    let (server, token) = log_in().await;
    let get = async |header: &str, tag: &str| {
        Request::get("/v1/session/data").bearer(&token).header(header, tag).send(&server).await
    };
    let write = async |tag: &str| {
        let request = Request::new("PATCH", "/v1/session/data").bearer(&token).json(&json!({ "a": 2 }));
        request.header("if-none-match", tag).send(&server).await
    };

    assert_eq!(write("*").await.status, 200, "nothing was stored yet");
    assert_eq!(write("*").await.status, 412);
    let tag = show(&server, &token).await.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x,y\", {tag}"), "*".into()] {
        let response = get("if-none-match", &known).await;
        assert_eq!((response.status, response.header("etag"), response.body.len()), (304, Some(&*tag), 0));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(write(&known).await.status, 412, "{known}");
    }
    assert_eq!(get("if-none-match", "\"x\"").await.json(), json!({ "a": 2 }));
    assert_eq!((get("if-match", &tag).await.status, get("if-match", "\"x\"").await.status), (200, 412));
    assert_eq!(write("\"x\"").await.status, 200);
    assert_eq!(get("if-none-match", &tag).await.status, 200, "the data has changed");
    assert_eq!(write("no tag").await.status, 400);
}

#[tokio::test]
async fn a_number_is_kept_exactly_or_refused() {
    let (server, token) = log_in().await;
    for (number, status) in [
        ("9007199254740993", 200),
        ("18446744073709551615", 200),
        ("18446744073709551616", 400),
        ("-9223372036854775809", 400),
        ("1234567890123456.78", 400),
        ("19.99", 200),
        ("0.30000000000000004", 200),
        ("[{\"deep\":1e-400}]", 400),
    ] {
        let body = format!("{{\"n\":{number}}}");
        let request =
            Request::new("PATCH", "/v1/session/data").bearer(&token).body("application/json", &body);
        let response = request.send(&server).await;
        assert_eq!(response.status, status, "{number}");
        if status == 200 {
            assert_eq!(String::from_utf8(show(&server, &token).await.body).unwrap(), body);
        }
    }
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
