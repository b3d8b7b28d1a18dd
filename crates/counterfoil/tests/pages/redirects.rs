//! `return_to`: the pages lead to this origin and to configured ones only.

use crate::browser::{PageBrowser, encode, html};
use crate::test_server::{PASSWORD, TestServer};

async fn server() -> TestServer {
    let server = TestServer::with(|settings| {
        settings.pages.return_origins = vec!["https://shop.example".parse().unwrap()];
    })
    .await;
    server.register("ada").await;
    server
}

#[tokio::test]
async fn signing_in_leads_to_a_path_or_over_a_page_to_a_configured_origin() {
    let server = server().await;
    let login = |return_to| {
        [("username", "ada"), ("password", PASSWORD), ("remember", "on"), ("return_to", return_to)]
    };

    let response = PageBrowser::new().post(&server, "/login", &login("/orders?x=1")).await;
    assert_eq!(response.header("location"), Some("/orders?x=1"));

    let mut browser = PageBrowser::new();
    let page = html(&browser.open(&server, "/login?return_to=https%3A%2F%2Fshop.example%2Forders").await);
    assert!(
        page.contains("shop.example")
            && page.contains("value=\"https:&#x2f;&#x2f;shop.example&#x2f;orders\"")
    );
    let response = browser.post(&server, "/login", &login("https://shop.example/orders")).await;
    let location = response.header("location").unwrap().to_owned();
    assert_eq!(location, "/continue?to=https%3A%2F%2Fshop.example%2Forders");
    let page = html(&browser.open(&server, &location).await);
    assert!(page.contains("http-equiv=\"refresh\"") && page.contains("shop.example"), "{page}");

    let again = browser.open(&server, "/login?return_to=https%3A%2F%2Fshop.example%2Forders").await;
    assert!(html(&again).contains("You are signed in already"), "no loop");
    let form = browser.open(&server, "/login?reauth=1&return_to=%2Forders").await;
    assert!(html(&form).contains("name=\"password\""));
    let path = browser.open(&server, "/login?return_to=%2Forders").await;
    assert_eq!((path.status, path.header("location")), (303, Some("/orders")));
}

#[tokio::test]
async fn no_page_leads_to_another_place() {
    let server = server().await;
    for bad in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "javascript:alert(1)",
        "/a\r\nset-cookie: x=y",
        "http://shop.example/",
    ] {
        let mut browser = PageBrowser::new();
        let page = html(&browser.open(&server, &format!("/login?return_to={}", encode(bad))).await);
        // The form for the language leads back to this page, whose address is checked again.
        let page = page.split("<footer").next().unwrap();
        assert!(!page.contains("evil") && !page.contains("name=\"return_to\""), "{bad}: {page}");
        let fields = [("username", "ada"), ("password", PASSWORD), ("return_to", bad)];
        let response = browser.post(&server, "/login", &fields).await;
        assert_eq!(response.header("location"), Some("/account"), "{bad}");
        let response = browser.open(&server, &format!("/continue?to={}", encode(bad))).await;
        assert_eq!(response.header("location"), Some("/account"), "{bad}");
        let response = browser.post(&server, "/language", &[("lang", "de"), ("return_to", bad)]).await;
        assert_eq!(response.header("location"), Some("/account"), "{bad}");
        let response = browser.post(&server, "/logout", &[("return_to", bad)]).await;
        assert_eq!(response.header("location"), Some("/login"), "{bad}");
    }
}
