//! The scope and the audience of a login over HTTP, and what a credential that is limited by scope may do.

use serde_json::{Value, json};

use counterfoil::operator::{ClientChangeRequest, Command};
use counterfoil_jose::base64url;

use crate::client::{Request, Response};
use crate::test_server::{PASSWORD, TestServer, text};

/// Logs ada in with these further members.
async fn login(server: &TestServer, mode: &str, further: Value) -> Response {
    let mut form = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
    form.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    Request::post("/v1/login").json(&form).send(server).await
}

fn claims(credentials: &Value) -> Value {
    let payload = text(credentials, "access_token").split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_login_returns_the_granted_scope_and_its_tokens_have_the_audience() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let request = json!({ "scope": "read write", "audience": "https://shop.example" });
    for mode in ["jwt", "hybrid"] {
        let response = login(&server, mode, request.clone()).await.json();

        assert_eq!(response["scope"], "read write");
        let claims = claims(&response);
        assert_eq!(
            (&claims["scope"], &claims["aud"]),
            (&json!("read write"), &json!("https://shop.example"))
        );
        assert_eq!(server.me(text(&response, "access_token")).await, 401, "it is not for the issuer");
    }
    let session = login(&server, "session", json!({ "scope": "read" })).await.json();
    assert_eq!(session["scope"], "read");
    assert_eq!(server.me(text(&session, "session_token")).await, 200);
}

#[tokio::test]
async fn what_the_client_may_not_request_is_a_field_error() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let client = ClientChangeRequest {
        scopes: Some(Some(vec!["read".into()])),
        audiences: Some(Some(Vec::new())),
        ..ClientChangeRequest::default()
    };
    server.app.administer(Command::ClientAdd { id: "shop".into(), client }).await.unwrap();
    for (mode, further, field) in [
        ("jwt", json!({ "client_id": "shop", "scope": "read write" }), "scope"),
        ("session", json!({ "client_id": "shop", "scope": "write" }), "scope"),
        ("hybrid", json!({ "client_id": "shop", "audience": "https://shop.example" }), "audience"),
        ("session", json!({ "audience": "https://shop.example" }), "audience"),
        ("jwt", json!({ "scope": "a  b" }), "scope"),
        ("jwt", json!({ "audience": "a b" }), "audience"),
    ] {
        let response = login(&server, mode, further.clone()).await;
        assert_eq!(response.status, 422, "{further}");
        assert_eq!(response.json()["errors"][0]["field"], field, "{further}");
    }
    assert_eq!(login(&server, "hybrid", json!({ "client_id": "shop", "scope": "read" })).await.status, 200);
}

#[tokio::test]
async fn a_credential_with_a_scope_changes_the_account_only_with_the_account_scope() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let changes = || {
        let passwords = json!({ "current_password": PASSWORD, "new_password": PASSWORD });
        [
            Request::new("DELETE", "/v1/sessions"),
            Request::new("DELETE", &format!("/v1/sessions/{}", "A".repeat(22))),
            Request::post("/v1/password").json(&passwords),
        ]
    };
    for (mode, member) in [("session", "session_token"), ("jwt", "access_token")] {
        let limited = login(&server, mode, json!({ "scope": "read" })).await.json();
        for request in changes() {
            let response = request.bearer(text(&limited, member)).send(&server).await;
            assert_eq!(response.status, 403, "{response:?}");
            assert_eq!(
                response.header("www-authenticate"),
                Some(r#"Bearer error="insufficient_scope", scope="counterfoil:account""#)
            );
        }
        assert_eq!(server.me(text(&limited, member)).await, 200);

        let account = login(&server, mode, json!({ "scope": "read counterfoil:account" })).await.json();
        // The password stays the same.
        for (request, expected) in changes().into_iter().zip([200, 404, 200]) {
            let response = request.bearer(text(&account, member)).send(&server).await;
            assert_eq!(response.status, expected, "{response:?}");
        }
    }
}
