//! The live parts of the console: their updates, and what a browser without script gets.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::administrator::administrator;
use crate::browser::{PageBrowser, after, html};
use crate::client::Request;
use crate::event_stream::EventStream;
use crate::test_server::TestServer;

/// The cookies of a browser, as a header.
fn cookies(browser: &PageBrowser) -> String {
    let pairs = browser.cookies.iter().map(|(name, value, _)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("; ")
}

async fn open(server: &TestServer, browser: &PageBrowser, topics: &str) -> EventStream {
    let cookie = cookies(browser);
    let headers = [
        ("cookie", cookie.as_str()),
        ("accept", "text/event-stream"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-dest", "empty"),
    ];
    EventStream::open(server, &format!("/admin/live?topics={topics}"), &headers).await
}

#[tokio::test]
async fn an_update_is_the_part_as_the_page_has_it() {
    let (server, mut browser) = administrator().await;
    let page = html(&browser.open(&server, "/admin").await).replace(char::is_whitespace, "");
    let mut stream = open(&server, &browser, "health,revocations,audit").await;

    for _ in 0..3 {
        let event = stream.next().await.unwrap();
        let part = event.data.replace(char::is_whitespace, "");
        assert!(part.contains(&format!("data-live=\"{}\"", event.name)), "{part}");
        assert!(page.contains(&part), "{}: {part}", event.name);
        assert!(!part.contains("<html"), "{part}");
    }
    server.register("ada").await;
    let event = stream.next_named("audit").await;
    assert!(event.data.contains("user_registered") && event.data.contains(">ada<"), "{}", event.data);
}

#[tokio::test]
async fn the_stream_of_a_browser_ends_when_it_signs_out() {
    let (server, mut browser) = administrator().await;
    let mut stream = open(&server, &browser, "keys").await;
    stream.next().await.unwrap();

    browser.post(&server, "/logout", &[]).await;

    let ended = timeout(Duration::from_secs(1), stream.next_named("ended")).await.expect("within one hop");
    assert_eq!(ended.data, "session_ended");
    assert_eq!(stream.next().await, None);
    let again = browser.open(&server, "/admin/live").await;
    assert_eq!(again.status, 303);
}

#[tokio::test]
async fn only_administrators_of_this_site_receive_updates() {
    let (server, mut root) = administrator().await;
    server.register("ada").await;
    let mut ada = PageBrowser::new();
    ada.sign_in(&server, "ada").await;

    assert_eq!(ada.open(&server, "/admin/live").await.status, 404);
    assert_eq!(root.open(&server, "/admin/live?topics=party").await.status, 422);
    let foreign = Request::get("/admin/live")
        .header("accept", "text/event-stream")
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site");
    assert_eq!(root.send(&server, foreign).await.status, 403);
    // As a window that another site opens.
    let opened = Request::get("/admin/live")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document");
    assert_eq!(root.send(&server, opened).await.status, 403);
}

#[tokio::test]
async fn a_page_with_live_parts_alone_has_a_script_and_a_policy_for_it() {
    let (server, mut browser) = administrator().await;

    for page in ["/admin", "/admin/keys", "/admin/revocations", "/admin/verifiers", "/admin/health"] {
        let response = browser.open(&server, page).await;
        let policy = response.header("content-security-policy").unwrap();
        for part in ["script-src 'self';", "connect-src 'self';", "require-trusted-types-for 'script'"] {
            assert!(policy.contains(part), "{page}: {policy}");
        }
        let script = after(&html(&response), "<script src=\"", "\"").to_owned();
        let script = browser.open(&server, &script).await;
        assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"), "{page}");
    }
    for page in ["/admin/users", "/admin/audit", "/admin/keys/rotate", "/account/sessions"] {
        let response = browser.open(&server, page).await;
        assert!(!response.header("content-security-policy").unwrap().contains("script"), "{page}");
        assert!(!html(&response).contains("<script"), "{page}");
    }
}

#[tokio::test]
async fn a_browser_without_script_is_asked_to_load_the_page_again() {
    let (server, mut browser) = administrator().await;

    let response = browser.open(&server, "/admin?every=10").await;
    assert_eq!(response.header("refresh"), Some("10"));
    let page = html(&response);
    assert!(page.contains("every 10 seconds") && page.contains(">Stop</a>"), "{page}");
    assert!(!page.contains("<script") && !page.contains("data-pause"), "{page}");
    for query in ["", "?every=1", "?every=x", "?every=99999"] {
        let response = browser.open(&server, &format!("/admin{query}")).await;
        assert_eq!(response.header("refresh"), None, "{query}");
        assert!(html(&response).contains("<a href=\"/admin?every=10\">"), "{query}");
    }
}

#[tokio::test]
async fn updates_go_on_in_mode_hybrid() {
    let (server, _) = administrator().await;
    let mut browser = crate::test_server::Browser::default();
    server.login_browser(&mut browser, "root", "hybrid").await;
    let cookie = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    let headers = [("cookie", &*cookie.join("; ")), ("sec-fetch-site", "same-origin")];
    let mut stream = EventStream::open(&server, "/admin/live?topics=stats", &headers).await;

    stream.next_named("stats").await;
    let login = Request::post("/v1/login").json(&json!({ "username": "root", "password": "wrong horse" }));
    assert_eq!(login.send(&server).await.status, 401);
    loop {
        let stats = stream.next_named("stats").await.data;
        if stats.contains("failed 1") {
            break;
        }
    }
}
