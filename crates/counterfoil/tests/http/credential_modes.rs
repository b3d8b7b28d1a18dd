//! The three credential modes, by bearer token and by cookie, on every authenticated route.

use serde_json::json;

use crate::client::Request;
use crate::test_server::{Browser, Site, text};

#[tokio::test]
async fn each_mode_returns_the_documented_credentials() {
    let site = Site::open().await;
    site.register("ada").await;

    let session = site.login("ada", "session").await;
    assert!(text(&session, "session_token").starts_with("cfs_"));
    assert_eq!(session["expires_in"], 30 * 86_400);
    assert!(session["access_token"].is_null() && session["refresh_token"].is_null());
    assert_eq!(session["session"]["mode"], "session");
    assert_eq!(session["user"]["username"], "ada");
    assert_eq!(session["user"]["email"], json!(null));

    let jwt = site.login("ada", "jwt").await;
    assert!(text(&jwt, "access_token").starts_with("eyJ"));
    assert_eq!((&jwt["token_type"], &jwt["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(jwt["session_token"].is_null() && jwt["refresh_token"].is_null());

    let hybrid = site.login("ada", "hybrid").await;
    assert!(text(&hybrid, "refresh_token").starts_with("cfr_"));
    assert_eq!(hybrid["expires_in"], 900);
    assert_eq!(hybrid["refresh_expires_in"], 7 * 86_400);
}

#[tokio::test]
async fn every_mode_authenticates_on_every_route_until_logout() {
    let site = Site::open().await;
    site.register("ada").await;
    for (mode, member) in [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")]
    {
        let login = site.login("ada", mode).await;
        let bearer = text(&login, member);

        let me = Request::get("/v1/me").bearer(bearer).send(&site).await;
        assert_eq!(me.status, 200);
        assert_eq!(me.json()["session"], login["session"]);
        assert_eq!(me.json()["user"], login["user"]);
        assert_eq!(me.header("cache-control"), Some("no-store"));
        let token = Request::post("/v1/token").bearer(bearer).send(&site).await;
        assert_eq!(token.status, 200, "{token:?}");
        let exchanged = token.json();
        assert_eq!(site.me(text(&exchanged, "access_token")).await, 200);
        assert_eq!(Request::get("/v1/sessions").bearer(bearer).send(&site).await.status, 200);
        assert_eq!(Request::get("/v1/session/data").bearer(bearer).send(&site).await.status, 200);

        assert_eq!(Request::post("/v1/logout").bearer(bearer).send(&site).await.status, 204);
        assert_eq!(site.me(bearer).await, 401, "{mode}");
        assert_eq!(site.me(text(&exchanged, "access_token")).await, 401, "{mode}");
    }
}

#[tokio::test]
async fn cookie_logins_set_cookies_and_return_no_tokens() {
    for site in [Site::open().await, Site::secure().await] {
        site.register("ada").await;
        let prefix = if site.origin.starts_with("https") { "__Host-" } else { "counterfoil-" };
        let age = |days: u64| format!("Max-Age={}", days * 86_400);
        for (mode, expected) in [
            ("session", vec![("session", age(30))]),
            ("jwt", vec![("access", "Max-Age=3600".into())]),
            ("hybrid", vec![("access", "Max-Age=900".into()), ("refresh", age(7))]),
        ] {
            let mut browser = Browser::default();
            let answer = site.login_browser(&mut browser, "ada", mode).await;

            let lines = answer.all("set-cookie");
            assert_eq!(lines.len(), expected.len(), "{lines:?}");
            for (line, (name, age)) in lines.iter().zip(&expected) {
                assert!(line.starts_with(&format!("{prefix}{name}=")) && line.ends_with(age), "{line}");
                let same_site = if *name == "refresh" { "SameSite=Strict" } else { "SameSite=Lax" };
                assert!(line.contains(same_site), "{line}");
            }
            for secret in ["session_token", "access_token", "refresh_token"] {
                assert!(answer.json()[secret].is_null(), "{answer:?}");
            }
            assert_eq!(browser.send(Request::get("/v1/me"), &site).await.status, 200);
            assert!(browser.send(Request::get("/v1/me"), &site).await.all("set-cookie").is_empty());

            let before = browser.clone();
            assert_eq!(browser.send(Request::post("/v1/logout"), &site).await.status, 204);
            assert!(browser.cookies.is_empty());
            let again = before.clone().send(Request::get("/v1/me"), &site).await;
            assert_eq!(again.status, 401, "a replayed cookie of mode {mode}");
        }
    }
}

#[tokio::test]
async fn a_cookie_login_ends_the_previous_login_of_the_browser() {
    let site = Site::open().await;
    site.register("ada").await;
    let modes = ["session", "jwt", "hybrid"];
    for (former, next) in modes.iter().flat_map(|former| modes.map(|next| (*former, next))) {
        let mut browser = Browser::default();
        site.login_browser(&mut browser, "ada", former).await;
        let old = browser.clone();
        site.login_browser(&mut browser, "ada", next).await;

        let expected: &[&str] = match next {
            "session" => &["session"],
            "jwt" => &["access"],
            _ => &["access", "refresh"],
        };
        assert_eq!(browser.names(), expected, "{former} then {next}");
        assert_eq!(browser.send(Request::get("/v1/me"), &site).await.status, 200, "{former} then {next}");
        assert_eq!(old.clone().send(Request::get("/v1/me"), &site).await.status, 401, "{former} then {next}");
    }
}

#[tokio::test]
async fn a_forged_cookie_ends_no_session_at_login() {
    let site = Site::open().await;
    site.register("ada").await;
    site.register("eve").await;
    let victim = site.login("ada", "session").await;
    let token = text(&victim, "session_token");
    let (id, _) = token.split_once('.').unwrap();

    let forged = format!("counterfoil-session={id}.{}", "A".repeat(43));
    let form = json!({ "username": "eve", "password": crate::test_server::PASSWORD, "carrier": "cookie" });
    let login = Request::post("/v1/login").json(&form).header("cookie", forged);
    let answer = login.header("sec-fetch-site", "same-origin").send(&site).await;

    assert_eq!(answer.status, 200);
    assert_eq!(site.me(token).await, 200);
}

#[tokio::test]
async fn a_failed_login_ends_no_session() {
    let site = Site::open().await;
    site.register("ada").await;
    let mut browser = Browser::default();
    site.login_browser(&mut browser, "ada", "session").await;

    let form = json!({ "username": "ada", "password": "wrong horse battery", "carrier": "cookie" });
    assert_eq!(browser.send(Request::post("/v1/login").json(&form), &site).await.status, 401);

    assert_eq!(browser.send(Request::get("/v1/me"), &site).await.status, 200);
}

#[tokio::test]
async fn a_bearer_login_ends_the_presented_session_cookie_only() {
    let site = Site::open().await;
    site.register("ada").await;
    let mut browser = Browser::default();
    site.login_browser(&mut browser, "ada", "session").await;
    let old = browser.clone();

    let form = json!({ "username": "ada", "password": crate::test_server::PASSWORD });
    assert_eq!(browser.send(Request::post("/v1/login").json(&form), &site).await.status, 200);
    assert!(browser.cookies.is_empty(), "the ended session's cookie is cleared");
    assert_eq!(old.clone().send(Request::get("/v1/me"), &site).await.status, 401);

    site.login_browser(&mut browser, "ada", "hybrid").await;
    assert_eq!(browser.send(Request::post("/v1/login").json(&form), &site).await.status, 200);
    assert_eq!(
        browser.send(Request::get("/v1/me"), &site).await.status,
        200,
        "credentials that login does not use stay valid"
    );
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_get_the_same_response() {
    let site = Site::open().await;
    site.register("ada").await;
    let attempt = |name: &'static str, password: &'static str| {
        let form = json!({ "username": name, "password": password });
        let request = Request::post("/v1/login").json(&form);
        let site = &site;
        async move { request.send(site).await.without_id() }
    };

    let wrong = attempt("ada", "wrong horse battery").await;
    let unknown = attempt("bob", "wrong horse battery").await;
    let impossible = attempt("a\u{200b}@\n", "x").await;

    assert_eq!(wrong.status, 401);
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, impossible);
}
