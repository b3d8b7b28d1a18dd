//! Browser logins with a refresh token: the pages keep them alive, and tell when a used token was presented again.

use serde_json::json;

use crate::browser::{PageBrowser, html};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer};

/// A browser with a hybrid login whose access token is gone.
async fn without_access_token(remember: bool) -> (TestServer, PageBrowser) {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid", "transport": "cookie" });
    let login = Request::post("/v1/login").json(&form).header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(&server, login).await.status, 200);
    if !remember {
        browser.cookies.push(("counterfoil-temporary".to_owned(), "1".to_owned(), false));
    }
    browser.cookies.retain(|(name, ..)| !name.ends_with("access"));
    (server, browser)
}

#[tokio::test]
async fn a_page_gets_the_next_pair_of_tokens() {
    let (server, mut browser) = without_access_token(true).await;
    let before = browser.cookies.clone();

    let page = browser.open(&server, "/account/sessions").await;
    assert!(html(&page).contains("You are signed in as ada."), "{page:?}");
    assert_eq!(browser.names(), ["access", "refresh"]);
    assert_ne!(browser.cookies, before);
    assert!(browser.cookies.iter().all(|(.., is_kept)| *is_kept), "{:?}", browser.cookies);
    assert_eq!(browser.open(&server, "/account/activity").await.status, 200);
}

#[tokio::test]
async fn a_form_is_not_lost_when_the_access_token_has_expired() {
    let (server, mut browser) = without_access_token(true).await;

    let page = browser.post_and_follow(&server, "/account/sessions/end-others", &[]).await;
    assert!(html(&page).contains("No other sign-in was active."), "{page:?}");
}

#[tokio::test]
async fn a_temporary_login_stays_temporary() {
    let (server, mut browser) = without_access_token(false).await;

    assert_eq!(browser.open(&server, "/account/sessions").await.status, 200);
    let renewed = |browser: &PageBrowser| {
        browser
            .cookies
            .iter()
            .filter(|(.., is_kept)| *is_kept)
            .map(|(name, ..)| name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(renewed(&browser), Vec::<String>::new());
    let refresh = Request::post("/v1/refresh").header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(&server, refresh).await.status, 200);
    assert_eq!(renewed(&browser), Vec::<String>::new());
}

#[tokio::test]
async fn a_link_of_another_site_uses_no_refresh_token() {
    let (server, mut browser) = without_access_token(true).await;
    let before = browser.cookies.clone();

    let link = Request::get("/account/sessions").header("sec-fetch-site", "cross-site");
    let response = browser.send(&server, link).await;
    assert_eq!(response.status, 303);
    assert_eq!(browser.cookies, before, "the token was used");
}

#[tokio::test]
async fn a_refresh_token_that_was_used_twice_is_told_at_the_next_sign_in() {
    let server = TestServer::with(|settings| settings.refresh_reuse_grace = std::time::Duration::ZERO).await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;
    let refresh = Request::post("/v1/refresh").json(&json!({ "refresh_token": login["refresh_token"] }));
    assert_eq!(refresh.send(&server).await.status, 200);
    assert_eq!(refresh.send(&server).await.status, 401);

    let mut browser = PageBrowser::new();
    let fields = [("username", "ada"), ("password", PASSWORD), ("return_to", "/orders")];
    let response = browser.post(&server, "/login", &fields).await;
    let location = response.header("location").unwrap().to_owned();
    assert_eq!(location, "/account/reuse?return_to=%2Forders");
    let page = html(&browser.open(&server, &location).await);
    assert!(page.contains("was presented again") && page.contains("href=\"&#x2f;orders\""), "{page}");

    let again = PageBrowser::new().post(&server, "/login", &fields).await;
    assert_eq!(again.header("location"), Some("/orders"), "told once");
}
