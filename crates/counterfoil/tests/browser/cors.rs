//! Pages of trusted origins log in with each transport that can work there; other pages get nothing.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::Request;
use crate::driver::{Chromium, PageResponse};
use crate::test_server::{PASSWORD, TestServer, text};

/// A server at `http://127.0.0.1`, and pages at other ports of it and of `localhost`, which is another site.
struct Setup {
    server: TestServer,
    chromium: &'static Chromium,
    trusted: Pages,
    stranger: Pages,
}

/// One page under two origins.
struct Pages {
    /// Of the site of the server.
    same_site: String,
    /// Of another site.
    cross_site: String,
}

impl Pages {
    async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let page = Router::new().route("/", get(|| async { Html("<!doctype html><title>Shop</title>") }));
        tokio::spawn(async move { axum::serve(listener, page).await });
        Self { same_site: format!("http://127.0.0.1:{port}"), cross_site: format!("http://localhost:{port}") }
    }

    fn origins(&self) -> [String; 2] {
        [self.same_site.clone(), self.cross_site.clone()]
    }
}

impl Setup {
    async fn open() -> Option<Self> {
        let chromium = Chromium::open()?;
        let (trusted, stranger) = (Pages::serve().await, Pages::serve().await);
        let server = TestServer::with(|settings| {
            settings.trusted_origins =
                trusted.origins().iter().map(|origin| origin.parse().unwrap()).collect();
        })
        .await;
        server.register("ada").await;
        Some(Self { server, chromium, trusted, stranger })
    }

    /// A request of the page at `origin`, which is also the name of its profile.
    fn fetch(&self, origin: &str, path: &str, init: &Value) -> PageResponse {
        let url = format!("{}{path}", self.server.origin);
        self.chromium.fetch(origin, origin, &url, init)
    }

    /// The number of live sessions of the user, counted by a session of its own.
    async fn sessions(&self, bearer: &str) -> usize {
        let response = Request::get("/v1/sessions").bearer(bearer).send(&self.server).await;
        response.json()["sessions"].as_array().unwrap().len()
    }
}

fn login_form(mode: &str, transport: &str) -> Value {
    json!({ "username": "ada", "password": PASSWORD, "mode": mode, "transport": transport })
}

/// A request with a JSON body.
fn post(body: &Value) -> Value {
    json!({ "method": "POST", "headers": { "Content-Type": "application/json" }, "body": body.to_string() })
}

/// The same with cookies.
fn with_cookies(init: Value) -> Value {
    let mut init = init;
    init["credentials"] = json!("include");
    init
}

fn with_bearer(method: &str, token: &str) -> Value {
    json!({ "method": method, "headers": { "Authorization": format!("Bearer {token}") } })
}

fn body(response: &Value) -> Value {
    serde_json::from_str(text(response, "body")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_trusted_origin_uses_tokens_from_any_site() {
    let Some(setup) = Setup::open().await else { return };
    for origin in setup.trusted.origins() {
        let login = setup.fetch(&origin, "/v1/login", &post(&login_form("hybrid", "bearer"))).unwrap();
        assert_eq!((&login["status"], &login["type"]), (&json!(200), &json!("cors")), "{login}");
        let login = body(&login);
        let access = text(&login, "access_token");

        let me = setup.fetch(&origin, "/v1/me", &with_bearer("GET", access)).unwrap();
        assert_eq!(body(&me)["user"]["username"], "ada");
        assert!(me["headers"]["x-request-id"].is_string(), "{me}");

        let form = json!({ "refresh_token": login["refresh_token"] });
        let refreshed = setup.fetch(&origin, "/v1/refresh", &post(&form)).unwrap();
        assert_eq!(refreshed["status"], 200, "{refreshed}");
        let refreshed = body(&refreshed);
        let access = text(&refreshed, "access_token");

        let logout = setup.fetch(&origin, "/v1/logout", &with_bearer("POST", access)).unwrap();
        assert_eq!(logout["status"], 204, "{logout}");
        let after = setup.fetch(&origin, "/v1/me", &with_bearer("GET", access)).unwrap();
        assert_eq!(after["status"], 401);
        assert_eq!(body(&after)["code"], "invalid_token", "a page reads its errors");
        assert!(text(&after["headers"], "www-authenticate").starts_with("Bearer"), "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_trusted_origin_uses_session_tokens_and_session_data() {
    let Some(setup) = Setup::open().await else { return };
    let origin = setup.trusted.cross_site.clone();
    let login = setup.fetch(&origin, "/v1/login", &post(&login_form("session", "bearer"))).unwrap();
    let login = body(&login);
    let token = text(&login, "session_token");

    let data = setup.fetch(&origin, "/v1/session/data", &with_bearer("GET", token)).unwrap();
    let etag = text(&data["headers"], "etag").to_owned();
    let mut patch = with_bearer("PATCH", token);
    patch["headers"]["If-Match"] = json!(etag);
    patch["headers"]["Content-Type"] = json!("application/json");
    patch["body"] = json!(r#"{"theme":"dark"}"#);
    let patched = setup.fetch(&origin, "/v1/session/data", &patch).unwrap();
    assert_eq!((&patched["status"], body(&patched)), (&json!(200), json!({ "theme": "dark" })), "{patched}");
    let stale = setup.fetch(&origin, "/v1/session/data", &patch).unwrap();
    assert_eq!(stale["status"], 412, "{stale}");

    let ended = setup.fetch(&origin, "/v1/sessions?except=none", &with_bearer("DELETE", token)).unwrap();
    assert_eq!(ended["status"], 200, "{ended}");
    assert_eq!(setup.fetch(&origin, "/v1/me", &with_bearer("GET", token)).unwrap()["status"], 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_same_site_uses_cookies() {
    let Some(setup) = Setup::open().await else { return };
    let origin = setup.trusted.same_site.clone();
    for mode in ["session", "hybrid"] {
        let form = with_cookies(post(&login_form(mode, "cookie")));
        let login = setup.fetch(&origin, "/v1/login", &form).unwrap();
        assert_eq!(login["status"], 200, "{login}");
        assert!(!text(&login, "body").contains("token\":"), "{login}");
        assert!(!setup.chromium.cookies(&origin).is_empty());

        let me = setup.fetch(&origin, "/v1/me", &with_cookies(json!({}))).unwrap();
        assert_eq!(body(&me)["user"]["username"], "ada");
        let without = setup.fetch(&origin, "/v1/me", &json!({})).unwrap();
        assert_eq!(without["status"], 401, "fetch sends cookies only with credentials: include");
        if mode == "hybrid" {
            let refreshed = setup.fetch(&origin, "/v1/refresh", &with_cookies(post(&json!({})))).unwrap();
            assert_eq!(refreshed["status"], 200, "{refreshed}");
        }
        let logout = setup.fetch(&origin, "/v1/logout", &with_cookies(post(&json!({})))).unwrap();
        assert_eq!(logout["status"], 204, "{logout}");
        assert!(setup.chromium.cookies(&origin).is_empty());
        assert_eq!(setup.fetch(&origin, "/v1/me", &with_cookies(json!({}))).unwrap()["status"], 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_keeps_no_cookie_for_a_page_of_another_site() {
    let Some(setup) = Setup::open().await else { return };
    let origin = setup.trusted.cross_site.clone();

    let form = with_cookies(post(&login_form("session", "cookie")));
    let login = setup.fetch(&origin, "/v1/login", &form).unwrap();

    assert_eq!(login["status"], 200, "{login}");
    assert!(setup.chromium.cookies(&origin).is_empty(), "SameSite=Lax");
    assert_eq!(setup.fetch(&origin, "/v1/me", &with_cookies(json!({}))).unwrap()["status"], 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_gets_nothing() {
    let Some(setup) = Setup::open().await else { return };
    let own = setup.server.login("ada", "session").await;
    let token = text(&own, "session_token").to_owned();
    for origin in setup.stranger.origins() {
        for (mode, transport) in [("hybrid", "bearer"), ("session", "cookie")] {
            let form = with_cookies(post(&login_form(mode, transport)));
            assert_eq!(setup.fetch(&origin, "/v1/login", &form), Err("TypeError".to_owned()));
            // Without a preflight request: the browser sends it, and the server must refuse it.
            let mut simple = form;
            simple["headers"]["Content-Type"] = json!("text/plain");
            assert_eq!(setup.fetch(&origin, "/v1/login", &simple), Err("TypeError".to_owned()));
            // The browser would show nothing of an answer, but `Cross-Origin-Resource-Policy` refuses even that.
            simple["mode"] = json!("no-cors");
            assert_eq!(setup.fetch(&origin, "/v1/login", &simple), Err("TypeError".to_owned()));
        }
        assert!(setup.chromium.cookies(&origin).is_empty());
        for init in [json!({}), with_cookies(json!({})), with_bearer("GET", &token)] {
            assert_eq!(setup.fetch(&origin, "/v1/me", &init), Err("TypeError".to_owned()));
        }
        assert_eq!(setup.sessions(&token).await, 1, "no login opened a session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_cannot_use_the_cookies_of_the_user() {
    let Some(setup) = Setup::open().await else { return };
    let (trusted, stranger) = (setup.trusted.same_site.clone(), setup.stranger.same_site.clone());
    let profile = format!("user of {trusted}");
    let login = format!("{}/v1/login", setup.server.origin);
    let form = with_cookies(post(&login_form("session", "cookie")));
    assert_eq!(setup.chromium.fetch(&profile, &trusted, &login, &form).unwrap()["status"], 200);

    // The page is of the same site, so the browser sends the cookies of the user with its requests.
    let (me, logout) =
        (format!("{}/v1/me", setup.server.origin), format!("{}/v1/logout", setup.server.origin));
    let rejected = || Err("TypeError".to_owned());
    assert_eq!(setup.chromium.fetch(&profile, &stranger, &me, &with_cookies(json!({}))), rejected());
    let forged = json!({ "method": "POST", "mode": "no-cors" });
    assert_eq!(setup.chromium.fetch(&profile, &stranger, &logout, &with_cookies(forged)), rejected());

    let still = setup.chromium.fetch(&profile, &trusted, &me, &with_cookies(json!({}))).unwrap();
    assert_eq!(still["status"], 200, "the other page ended no session");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_reads_the_public_documents() {
    let Some(setup) = Setup::open().await else { return };
    for origin in setup.stranger.origins() {
        for path in ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/openapi.json"] {
            let document = setup.fetch(&origin, path, &json!({})).unwrap();
            assert_eq!(document["status"], 200, "{path}: {document}");
            assert!(body(&document).is_object(), "{path}");
        }
    }
}
