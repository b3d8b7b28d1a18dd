//! Errors as pages, static files, and where there are no pages.

use counterfoil::{Counterfoil, Settings};

use crate::browser::{PageBrowser, after, html};
use crate::client::{Request, exchange};
use crate::test_server::TestServer;

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_a_problem_document() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();

    let page = browser.open(&server, "/nothing").await;
    assert_eq!(page.status, 404);
    assert!(html(&page).contains("This page does not exist"));
    let program = exchange(&server, &Request::get("/nothing").bytes()).await.unwrap();
    assert_eq!((program.status, program.header("content-type")), (404, Some("application/problem+json")));
    let json = browser.open(&server, "/v1/me").await;
    assert_eq!((json.status, json.header("content-type")), (401, Some("application/problem+json")));
}

#[tokio::test]
async fn a_malformed_form_is_refused() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();
    let twice = browser.post(&server, "/login", &[("username", "a"), ("username", "b")]).await;
    assert_eq!(twice.status, 400);
    html(&twice);
    let json = Request::post("/login").header("origin", &server.origin).body("application/json", "{}");
    assert_eq!(browser.send(&server, json).await.status, 415);
    let unknown = browser.post(&server, "/login", &[("x", "1"), ("x", "2")]).await;
    assert_eq!(unknown.status, 422, "an unknown field may be repeated");
    assert_eq!(browser.send(&server, Request::new("DELETE", "/login")).await.status, 405);
}

#[tokio::test]
async fn a_page_is_not_loaded_as_a_frame_or_a_picture() {
    let server = TestServer::open().await;
    for dest in ["iframe", "image", "script", "object"] {
        let request = Request::get("/login").header("sec-fetch-dest", dest);
        let response = exchange(&server, &request.bytes()).await.unwrap();
        assert_eq!(response.status, 403, "{dest}");
    }
}

#[tokio::test]
async fn static_files_may_be_kept_for_a_year() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();
    let page = html(&browser.open(&server, "/login").await);
    for (mark, kind) in [
        ("rel=\"stylesheet\" href=\"", "text/css; charset=utf-8"),
        ("img class=\"guilloche\" src=\"", "image/svg+xml"),
    ] {
        let path = after(&page, mark, "\"");
        let request = Request::get(path).header("sec-fetch-dest", "style");
        let response = browser.send(&server, request).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(response.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(response.header("vary"), None);
    }
    assert_eq!(browser.open(&server, "/assets/counterfoil.0.css").await.status, 404);
}

#[tokio::test]
async fn a_password_manager_finds_where_the_password_is_changed() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();

    let found = browser.open(&server, "/.well-known/change-password").await;
    assert_eq!((found.status, found.header("location")), (303, Some("/account/security")));
    let unknown = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(browser.open(&server, unknown).await.status, 404);
}

#[tokio::test]
async fn pages_can_be_switched_off_and_are_below_the_base_path() {
    let server = TestServer::with(|settings| settings.pages.enabled = false).await;
    let mut browser = PageBrowser::new();
    for path in ["/login", "/account", "/", "/assets/x.css"] {
        assert_eq!(browser.open(&server, path).await.status, 404, "{path}");
    }

    let server = TestServer::with(|settings| settings.base_path = "/auth".parse().unwrap()).await;
    assert_eq!(browser.open(&server, "/login").await.status, 404);
    let page = html(&browser.open(&server, "/auth/login").await);
    assert!(page.contains("action=\"&#x2f;auth/login\""), "{page}");
    let account = browser.open(&server, "/auth/account/sessions").await;
    assert_eq!(account.header("location"), Some("/auth/login?return_to=%2Fauth%2Faccount%2Fsessions"));
}

#[tokio::test]
async fn an_application_merges_the_pages_into_its_router() {
    use tower::ServiceExt as _;

    let dir = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", dir.path().join("auth.db").display());
    let settings = Settings::new("http://localhost:3000".parse().unwrap(), store.parse().unwrap());
    let auth = Counterfoil::with_settings(settings).await.unwrap();
    let router = axum::Router::new().merge(auth.routes()).merge(auth.pages());

    let request =
        |path: &str| http::Request::get(path).header("host", "localhost").body(axum::body::Body::empty());
    let login = router.clone().oneshot(request("/login").unwrap()).await.unwrap();
    assert_eq!(login.status(), 200);
    let root = router.oneshot(request("/").unwrap()).await.unwrap();
    assert_eq!(root.status(), 404, "the root is the application's");
    auth.close().await.unwrap();
}
