//! Logout in each mode and transport: the presented credential is rejected afterwards.

use serde_json::json;

use counterfoil_jose::{Algorithm, SigningKey};

use crate::client::Request;
use crate::test_server::{Browser, TestServer, text};

#[tokio::test]
async fn logout_without_a_valid_credential_gets_204() {
    let server = TestServer::open().await;
    for request in [
        Request::post("/v1/logout"),
        Request::post("/v1/logout").json(&json!({})),
        Request::post("/v1/logout").bearer("cfs_nonsense"),
        Request::post("/v1/logout").json(&json!({ "refresh_token": "cfr_nonsense" })),
        Request::post("/v1/logout").body("application/json", ""),
    ] {
        let response = request.send(&server).await;
        assert_eq!((response.status, response.body.len()), (204, 0), "{request:?}");
    }
}

/// A form without fields, `curl -d ''` and `navigator.sendBeacon(url, "")` name a type and send nothing.
#[tokio::test]
async fn a_logout_without_content_ends_the_session_whatever_type_it_names() {
    let server = TestServer::open().await;
    server.register("ada").await;
    for kind in ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "application/json", "x", ""]
    {
        let requests = [
            Request::post("/v1/logout").body(kind, ""),
            Request::post("/v1/logout").body(kind, "0\r\n\r\n").header("transfer-encoding", "chunked"),
            Request::post("/v1/logout").body(kind, "").header("content-encoding", "gzip"),
        ];
        for request in requests {
            let mut browser = Browser::default();
            server.login_browser(&mut browser, "ada", "session").await;
            let mut thief = browser.clone();
            let response = browser.send(request.clone(), &server).await;
            assert_eq!(response.status, 204, "{request:?}");
            assert_eq!(thief.send(Request::get("/v1/me"), &server).await.status, 401, "{request:?}");
        }
    }
    for body in ["refresh_token=x", " "] {
        let form = Request::post("/v1/logout").body("application/x-www-form-urlencoded", body);
        assert_eq!(form.send(&server).await.status, 415, "{body:?}");
    }
}

#[tokio::test]
async fn logout_sends_clear_site_data_if_configured() {
    for (cleared, expected) in [(false, None), (true, Some(r#""cookies","storage""#))] {
        let server = TestServer::with(|settings| settings.clear_site_data_on_logout = cleared).await;
        server.register("ada").await;
        let login = server.login("ada", "session").await;

        let response = Request::post("/v1/logout").bearer(text(&login, "session_token")).send(&server).await;

        let shown = response.headers.iter().find(|(name, _)| name == "clear-site-data");
        assert_eq!((response.status, shown.map(|(_, value)| value.as_str())), (204, expected));
    }
}

#[tokio::test]
async fn logout_accepts_any_earlier_refresh_token_of_the_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let mut pair = login.clone();
    for _ in 0..2 {
        let form = json!({ "refresh_token": pair["refresh_token"] });
        pair = Request::post("/v1/refresh").json(&form).send(&server).await.json();
    }

    let oldest = json!({ "refresh_token": login["refresh_token"] });
    assert_eq!(Request::post("/v1/logout").json(&oldest).send(&server).await.status, 204);

    assert_eq!(server.me(text(&pair, "access_token")).await, 401);
    let newest = json!({ "refresh_token": pair["refresh_token"] });
    assert_eq!(Request::post("/v1/refresh").json(&newest).send(&server).await.status, 401);
}

#[tokio::test]
async fn a_refresh_token_with_a_forged_counter_ends_no_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let parts: Vec<&str> = text(&login, "refresh_token").split('.').collect();
    for forged in [format!("{}.1.{}", parts[0], parts[2]), format!("{}.0.{}", parts[0], "A".repeat(43))] {
        let form = json!({ "refresh_token": forged });
        assert_eq!(Request::post("/v1/logout").json(&form).send(&server).await.status, 204);
        assert_eq!(Request::post("/v1/refresh").json(&form).send(&server).await.status, 401);
    }
    assert_eq!(server.me(text(&login, "access_token")).await, 200);
}

/// A token that the issuer did not sign identifies no session, whatever its claims.
#[tokio::test]
async fn a_forged_access_token_ends_no_session() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let login = server.login("ada", "jwt").await;
    let token = text(&login, "access_token");
    let payload = counterfoil_jose::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    let forged = SigningKey::generate(Algorithm::Es256).unwrap().sign("at+jwt", &payload).unwrap();

    assert_eq!(Request::post("/v1/logout").bearer(&forged).send(&server).await.status, 204);

    assert_eq!(server.me(token).await, 200);
}

#[tokio::test]
async fn logout_of_a_hybrid_browser_clears_both_cookies() {
    let server = TestServer::secure().await;
    server.register("ada").await;
    let mut browser = Browser::default();
    server.login_browser(&mut browser, "ada", "hybrid").await;
    let old = browser.clone();

    let response = browser.send(Request::post("/v1/logout"), &server).await;

    let cleared: Vec<&str> = response.all("set-cookie");
    assert_eq!(cleared.len(), 2, "{cleared:?}");
    assert!(cleared.contains(&"__Host-access=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0"));
    assert!(cleared.contains(&"__Host-refresh=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0"));
    assert_eq!(old.clone().send(Request::post("/v1/refresh"), &server).await.status, 401);
    assert_eq!(old.clone().send(Request::get("/v1/me"), &server).await.status, 401);
}

#[tokio::test]
async fn an_invalid_cookie_is_cleared_too() {
    let server = TestServer::open().await;
    let mut browser = Browser { cookies: vec![("counterfoil-session".into(), "cfs_long_gone".into())] };

    let response = browser.send(Request::post("/v1/logout"), &server).await;

    assert_eq!(response.status, 204);
    assert!(browser.cookies.is_empty());
}
