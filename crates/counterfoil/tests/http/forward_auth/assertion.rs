//! The signed statement about the user.

use counterfoil_jose::base64url;
use serde_json::{Value, json};

use super::*;
use crate::oauth::FORM;
use crate::test_server::text;

async fn asserting() -> TestServer {
    TestServer::with(|settings| {
        guard(settings);
        settings.forward_auth.assertion = true;
    })
    .await
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

async fn assertion(server: &TestServer, token: &str, host: &str) -> String {
    let request = Request::get("/v1/verify/nginx")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", host)
        .header("x-forwarded-uri", "/")
        .bearer(token);
    let response = request.send(server).await;
    assert_allowed(&response);
    response.header("remote-assertion").unwrap().to_owned()
}

#[tokio::test]
async fn an_assertion_names_the_user_to_one_application() {
    let server = asserting().await;
    let token = session(&server, "ada", &["staff"]).await;

    let app = assertion(&server, &token, "app.example").await;

    assert_eq!(part(&app, 0)["typ"], "forward+jwt");
    let claims = part(&app, 1);
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("https://auth.example"), &json!("https://app.example"))
    );
    assert_eq!((&claims["username"], &claims["roles"]), (&json!("ada"), &json!(["staff"])));
    assert_eq!(claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap() + 60);
    for name in ["sub", "sid", "auth_time", "amr"] {
        assert!(!claims[name].is_null(), "{name}: {claims}");
    }
    for name in ["email", "external_id", "scope"] {
        assert!(claims.get(name).is_none(), "{name}: {claims}");
    }
    let own = assertion(&server, &token, "auth.example").await;
    assert_eq!(part(&own, 1)["aud"], "https://auth.example");
    assert_eq!(assertion(&server, &token, "app.example").await, app, "one is signed in half a minute");
}

#[tokio::test]
async fn an_assertion_has_the_position_of_its_credential_which_moves_only_past_what_the_session_survives() {
    let server = asserting().await;
    let token = session(&server, "ada", &[]).await;
    server.register("bob").await;
    let pos = |assertion: &str| part(assertion, 1)["pos"].as_u64().unwrap();
    let first = assertion(&server, &token, "app.example").await;
    assert_eq!(part(&first, 1)["client_id"], "default");

    let bob = text(&server.login("bob", "session").await, "session_token").to_owned();
    let logout = Request::post("/v1/logout").bearer(&bob).json(&json!({}));
    assert_eq!(logout.send(&server).await.status, 204);
    assert_eq!(assertion(&server, &token, "app.example").await, first, "one of another user signs none");

    let change = UserChangeRequest { add_roles: vec!["staff".to_owned()], ..Default::default() };
    server.app.administer(Command::UserChange { user: "ada".to_owned(), change }).await.unwrap();
    let second = assertion(&server, &token, "app.example").await;
    assert_eq!(part(&second, 1)["roles"], json!(["staff"]));
    assert!(pos(&second) > pos(&first), "the change of the roles revokes the first one");

    let access = text(&server.login("ada", "jwt").await, "access_token").to_owned();
    let of_access_token = assertion(&server, &access, "app.example").await;
    assert_eq!(pos(&of_access_token), part(&access, 1)["pos"].as_u64().unwrap());
    assert!(pos(&of_access_token) >= pos(&second));
}

/// R20: an application, and everyone who reads its logs, has it.
#[tokio::test]
async fn no_route_accepts_an_assertion_as_a_credential() {
    let server = asserting().await;
    server.add_admin("ada").await;
    let login = server.login("ada", "session").await;
    let assertion = assertion(&server, text(&login, "session_token"), "auth.example").await;

    for path in ["/v1/me", "/v1/sessions", "/v1/admin/users", "/v1/feed"] {
        assert_eq!(Request::get(path).bearer(&assertion).send(&server).await.status, 401, "{path}");
    }
    assert_refused(&page("nginx").bearer(&assertion).send(&server).await, 401, "invalid_token");
    let cookie = page("nginx").header("cookie", format!("__Host-access={assertion}"));
    assert_refused(&cookie.send(&server).await, 401, "invalid_token");
    for path in ["/v1/token", "/v1/refresh"] {
        let body = if path == "/v1/refresh" { json!({ "refresh_token": assertion }) } else { json!({}) };
        let response = Request::post(path).bearer(&assertion).json(&body).send(&server).await;
        assert_eq!(response.status, 401, "{path}");
    }
    let introspect = Request::post("/oauth/introspect").bearer(&crate::feed::add_key(&server).await);
    let response = introspect.body(FORM, format!("token={assertion}")).send(&server).await;
    assert_eq!(response.json(), json!({ "active": false }));
}
