//! The three credential modes, by bearer token and by cookie, on every authenticated route.

use serde_json::{Value, json};

use crate::client::Request;
use crate::test_server::{Browser, PASSWORD, TestServer, text};

#[tokio::test]
async fn each_mode_returns_the_documented_credentials() {
    let server = TestServer::open().await;
    server.register("ada").await;

    let session = server.login("ada", "session").await;
    assert!(text(&session, "session_token").starts_with("cfs_"));
    assert_eq!(session["expires_in"], 30 * 86_400);
    assert!(session["access_token"].is_null() && session["refresh_token"].is_null());
    assert_eq!(session["session"]["mode"], "session");
    assert_eq!(session["user"]["username"], "ada");
    assert_eq!(session["user"]["email"], json!(null));

    let jwt = server.login("ada", "jwt").await;
    assert!(text(&jwt, "access_token").starts_with("eyJ"));
    assert_eq!((&jwt["token_type"], &jwt["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(jwt["session_token"].is_null() && jwt["refresh_token"].is_null());

    let hybrid = server.login("ada", "hybrid").await;
    assert!(text(&hybrid, "refresh_token").starts_with("cfr_"));
    assert_eq!(hybrid["expires_in"], 900);
    assert_eq!(hybrid["refresh_expires_in"], 7 * 86_400);
}

#[tokio::test]
async fn every_mode_authenticates_on_every_route_until_logout() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for (mode, member) in [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")]
    {
        let login = server.login("ada", mode).await;
        let bearer = text(&login, member);

        let me = Request::get("/v1/me").bearer(bearer).send(&server).await;
        assert_eq!(me.status, 200);
        assert_eq!(me.json()["session"], login["session"]);
        assert_eq!(me.json()["user"], login["user"]);
        assert_eq!(me.header("cache-control"), Some("no-store"));
        let token = Request::post("/v1/token").bearer(bearer).send(&server).await;
        assert_eq!(token.status, 200, "{token:?}");
        let exchanged = token.json();
        assert_eq!(server.me(text(&exchanged, "access_token")).await, 200);
        assert_eq!(Request::get("/v1/sessions").bearer(bearer).send(&server).await.status, 200);
        assert_eq!(Request::get("/v1/session/data").bearer(bearer).send(&server).await.status, 200);

        assert_eq!(Request::post("/v1/logout").bearer(bearer).send(&server).await.status, 204);
        assert_eq!(server.me(bearer).await, 401, "{mode}");
        assert_eq!(server.me(text(&exchanged, "access_token")).await, 401, "{mode}");
    }
}

#[tokio::test]
async fn cookie_logins_set_cookies_and_return_no_tokens() {
    for server in [TestServer::open().await, TestServer::secure().await] {
        server.register("ada").await;
        let prefix = if server.origin.starts_with("https") { "__Host-" } else { "counterfoil-" };
        let age = |days: u64| format!("Max-Age={}", days * 86_400);
        for (mode, expected) in [
            ("session", vec![("session", age(30))]),
            ("jwt", vec![("access", "Max-Age=3600".into())]),
            ("hybrid", vec![("access", "Max-Age=900".into()), ("refresh", age(7))]),
        ] {
            let mut browser = Browser::default();
            let response = server.login_browser(&mut browser, "ada", mode).await;

            let lines = response.all("set-cookie");
            assert_eq!(lines.len(), expected.len(), "{lines:?}");
            for (line, (name, age)) in lines.iter().zip(&expected) {
                assert!(line.starts_with(&format!("{prefix}{name}=")) && line.ends_with(age), "{line}");
                let same_site = if *name == "refresh" { "SameSite=Strict" } else { "SameSite=Lax" };
                assert!(line.contains(same_site), "{line}");
            }
            for secret in ["session_token", "access_token", "refresh_token"] {
                assert!(response.json()[secret].is_null(), "{response:?}");
            }
            assert_eq!(browser.send(Request::get("/v1/me"), &server).await.status, 200);
            assert!(browser.send(Request::get("/v1/me"), &server).await.all("set-cookie").is_empty());

            let before = browser.clone();
            assert_eq!(browser.send(Request::post("/v1/logout"), &server).await.status, 204);
            assert!(browser.cookies.is_empty());
            let again = before.clone().send(Request::get("/v1/me"), &server).await;
            assert_eq!(again.status, 401, "a replayed cookie of mode {mode}");
        }
    }
}

#[tokio::test]
async fn a_login_that_is_not_remembered_ends_with_the_browser() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = |remember: Value, transport: &str| {
        Request::post("/v1/login").json(&json!({
            "username": "ada", "password": PASSWORD, "mode": "hybrid", "transport": transport, "remember": remember,
        }))
    };

    for (remember, has_age) in [(json!(true), true), (json!(null), true), (json!(false), false)] {
        let mut browser = Browser::default();
        let response = browser.send(login(remember.clone(), "cookie"), &server).await;
        assert_eq!(response.status, 200, "{response:?}");
        let refreshed = browser.send(Request::post("/v1/refresh"), &server).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        for line in response.all("set-cookie").into_iter().chain(refreshed.all("set-cookie")) {
            assert_eq!(line.contains("Max-Age="), has_age, "{remember}: {line}");
        }
    }
    assert_eq!(login(json!(true), "bearer").send(&server).await.status, 200);
    let without_cookies = login(json!(false), "bearer").send(&server).await;
    assert_eq!(
        (without_cookies.status, &without_cookies.json()["errors"][0]["field"]),
        (422, &json!("remember"))
    );
}

#[tokio::test]
async fn a_cookie_login_ends_the_previous_login_of_the_browser() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let modes = ["session", "jwt", "hybrid"];
    for (former, next) in modes.iter().flat_map(|former| modes.map(|next| (*former, next))) {
        let mut browser = Browser::default();
        server.login_browser(&mut browser, "ada", former).await;
        let old = browser.clone();
        server.login_browser(&mut browser, "ada", next).await;

        let expected: &[&str] = match next {
            "session" => &["session"],
            "jwt" => &["access"],
            _ => &["access", "refresh"],
        };
        assert_eq!(browser.names(), expected, "{former} then {next}");
        assert_eq!(browser.send(Request::get("/v1/me"), &server).await.status, 200, "{former} then {next}");
        assert_eq!(
            old.clone().send(Request::get("/v1/me"), &server).await.status,
            401,
            "{former} then {next}"
        );
    }
}

#[tokio::test]
async fn a_forged_cookie_ends_no_session_at_login() {
    let server = TestServer::open().await;
    server.register("ada").await;
    server.register("eve").await;
    let victim = server.login("ada", "session").await;
    let token = text(&victim, "session_token");
    let (id, _) = token.split_once('.').unwrap();

    let forged = format!("counterfoil-session={id}.{}", "A".repeat(43));
    let form = json!({ "username": "eve", "password": crate::test_server::PASSWORD, "transport": "cookie" });
    let login = Request::post("/v1/login").json(&form).header("cookie", forged);
    let response = login.header("sec-fetch-site", "same-origin").send(&server).await;

    assert_eq!(response.status, 200);
    assert_eq!(server.me(token).await, 200);
}

#[tokio::test]
async fn a_failed_login_ends_no_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "session").await;

    let form = json!({ "username": "ada", "password": "wrong horse battery", "transport": "cookie" });
    assert_eq!(browser.send(Request::post("/v1/login").json(&form), &server).await.status, 401);

    assert_eq!(browser.send(Request::get("/v1/me"), &server).await.status, 200);
}

#[tokio::test]
async fn a_bearer_login_ends_the_presented_session_cookie_only() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "session").await;
    let old = browser.clone();

    let form = json!({ "username": "ada", "password": crate::test_server::PASSWORD });
    assert_eq!(browser.send(Request::post("/v1/login").json(&form), &server).await.status, 200);
    assert!(browser.cookies.is_empty(), "the ended session's cookie is cleared");
    assert_eq!(old.clone().send(Request::get("/v1/me"), &server).await.status, 401);

    server.login_browser(&mut browser, "ada", "hybrid").await;
    assert_eq!(browser.send(Request::post("/v1/login").json(&form), &server).await.status, 200);
    assert_eq!(
        browser.send(Request::get("/v1/me"), &server).await.status,
        200,
        "credentials that login does not use stay valid"
    );
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_get_the_same_response() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let attempt = |name: &'static str, password: &'static str| {
        let form = json!({ "username": name, "password": password });
        let request = Request::post("/v1/login").json(&form);
        let server = &server;
        async move { request.send(server).await.without_id() }
    };

    let wrong = attempt("ada", "wrong horse battery").await;
    let unknown = attempt("bob", "wrong horse battery").await;
    let impossible = attempt("a\u{200b}@\n", "x").await;

    assert_eq!(wrong.status, 401);
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, impossible);
}
