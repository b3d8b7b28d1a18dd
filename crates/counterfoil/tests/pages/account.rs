//! The account: devices, password, activity.

use serde_json::json;

use crate::browser::{PageBrowser, after, html};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer, text};

async fn signed_in() -> (TestServer, PageBrowser) {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "ada").await;
    (server, browser)
}

/// Logs in with a label, as a program would.
async fn login_with_label(server: &TestServer, mode: &str, label: &str) -> String {
    let form = json!({ "username": "ada", "password": PASSWORD, "mode": mode, "label": label });
    let response = Request::post("/v1/login").json(&form).send(server).await.json();
    text(&response["session"], "id").to_owned()
}

#[tokio::test]
async fn devices_of_all_modes_are_in_one_list_and_each_can_be_ended() {
    let (server, mut browser) = signed_in().await;
    let phone = login_with_label(&server, "hybrid", "<b>phone</b>").await;
    login_with_label(&server, "jwt", "export").await;

    let page = html(&browser.open(&server, "/account/sessions").await);
    for part in
        ["&lt;b&gt;phone&lt;&#x2f;b&gt;", "export", "This device", "Carries a JWT. Nothing renews it."]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        page.contains("refresh token, rotation 1") || page.contains("refresh token, rotation 0"),
        "{page}"
    );

    let page = html(&browser.post_and_follow(&server, &format!("/account/sessions/{phone}/end"), &[]).await);
    assert!(page.contains("The device is signed out."), "{page}");
    let devices = after(&page, "id=\"devices\"", "class=\"side\"");
    assert!(!devices.contains("phone") && devices.contains("export"), "{devices}");
    assert_eq!(browser.post(&server, &format!("/account/sessions/{phone}/end"), &[]).await.status, 404);

    let page = html(&browser.post_and_follow(&server, "/account/sessions/end-others", &[]).await);
    assert!(page.contains("1 other sign-in was ended."), "{page}");
}

#[tokio::test]
async fn a_device_gets_a_name_on_its_page_and_over_json() {
    let (server, mut browser) = signed_in().await;
    let id = login_with_label(&server, "session", "old name").await;
    let path = format!("/account/sessions/{id}");
    assert!(html(&browser.open(&server, &path).await).contains("old name"));

    let page =
        html(&browser.post_and_follow(&server, &format!("{path}/label"), &[("label", "new name")]).await);
    assert!(page.contains("new name") && page.contains("The name is saved."), "{page}");
    let long = "x".repeat(65);
    let response = browser.post(&server, &format!("{path}/label"), &[("label", &long)]).await;
    assert_eq!(response.status, 422);
    assert!(html(&response).contains("Use at most 64 characters"));

    let bearer = text(&server.login("ada", "session").await, "session_token").to_owned();
    let json = format!("/v1/sessions/{id}");
    let shown = Request::get(&json).bearer(&bearer).send(&server).await.json();
    assert_eq!((&shown["label"], &shown["current"]), (&json!("new name"), &json!(false)));
    let renamed =
        Request::new("PATCH", &json).bearer(&bearer).json(&json!({ "label": null })).send(&server).await;
    assert_eq!((renamed.status, &renamed.json()["label"]), (200, &json!(null)));
    let empty = Request::new("PATCH", &json).bearer(&bearer).json(&json!({})).send(&server).await;
    assert_eq!(empty.status, 422);
}

#[tokio::test]
async fn the_sessions_of_another_user_do_not_exist() {
    let (server, mut browser) = signed_in().await;
    let mine = login_with_label(&server, "session", "mine").await;
    server.register("bob").await;
    let mut other = PageBrowser::new();
    other.sign_in(&server, "bob").await;
    let path = format!("/account/sessions/{mine}");

    assert_eq!(other.open(&server, &path).await.status, 404);
    assert_eq!(other.post(&server, &format!("{path}/end"), &[]).await.status, 404);
    assert_eq!(other.post(&server, &format!("{path}/label"), &[("label", "x")]).await.status, 404);
    let bearer = text(&server.login("bob", "session").await, "session_token").to_owned();
    for method in ["GET", "PATCH"] {
        let request = Request::new(method, &format!("/v1/sessions/{mine}")).bearer(&bearer);
        assert_eq!(request.json(&json!({ "label": "x" })).send(&server).await.status, 404);
    }
    assert_eq!(browser.open(&server, &path).await.status, 200);
}

#[tokio::test]
async fn all_sessions_are_ended_after_a_question() {
    let (server, mut browser) = signed_in().await;

    let page = html(&browser.open(&server, "/account/sessions/end-all").await);
    assert!(page.contains("End all sign-ins?"));
    assert_eq!(browser.open(&server, "/account/sessions").await.status, 200, "a link ends nothing");
    let page = html(&browser.post_and_follow(&server, "/account/sessions/end-all", &[]).await);
    assert!(page.contains("All your sign-ins are ended."), "{page}");
    assert_eq!(browser.open(&server, "/account/sessions").await.status, 303);
}

#[tokio::test]
async fn a_new_password_keeps_this_device_and_ends_the_others() {
    let (server, mut browser) = signed_in().await;
    let mut other = PageBrowser::new();
    other.sign_in(&server, "ada").await;
    let change = |current, new| [("username", "ada"), ("current_password", current), ("new_password", new)];

    let wrong =
        browser.post(&server, "/account/security", &change("wrong horse", "a walk in the park")).await;
    assert_eq!(wrong.status, 401);
    assert!(html(&wrong).contains("The current password is wrong."));
    let weak = browser.post(&server, "/account/security", &change(PASSWORD, "password1")).await;
    assert_eq!(weak.status, 422);
    assert!(html(&weak).contains("one of the most common passwords"));

    let page =
        browser.post_and_follow(&server, "/account/security", &change(PASSWORD, "a walk in the park")).await;
    assert!(html(&page).contains("Your password is changed."), "{page:?}");
    assert_eq!(browser.open(&server, "/account/sessions").await.status, 200);
    let login = other.open(&server, "/login").await;
    assert!(html(&login).contains("Your password was changed, which ended this sign-in."));
}

#[tokio::test]
async fn a_temporary_password_is_told_after_the_sign_in_until_it_is_changed() {
    const NOTICE: &str = "You signed in with a temporary password.";
    let server = TestServer::open().await;
    server.import_with_temporary_password("ada").await;
    let mut browser = PageBrowser::new();

    let signed_in = browser.sign_in(&server, "ada").await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/account/security")));
    for path in ["/account/security", "/account/sessions"] {
        let page = html(&browser.open(&server, path).await);
        assert!(page.contains(NOTICE), "{page}");
    }

    let change = [("current_password", PASSWORD), ("new_password", "a walk in the park")];
    let page = html(&browser.post_and_follow(&server, "/account/security", &change).await);
    assert!(page.contains("Your password is changed.") && !page.contains(NOTICE), "{page}");
    let page = html(&browser.open(&server, "/account/sessions").await);
    assert!(!page.contains(NOTICE), "{page}");
    let fields = [("username", "ada"), ("password", "a walk in the park")];
    let signed_in = PageBrowser::new().post(&server, "/login", &fields).await;
    assert_eq!(signed_in.header("location"), Some("/account"));
}

#[tokio::test]
async fn a_user_with_a_temporary_password_still_arrives_where_they_were_going() {
    let origin = "https://shop.example";
    let server =
        TestServer::with(|settings| settings.pages.return_origins = vec![origin.parse().unwrap()]).await;
    server.import_with_temporary_password("ada").await;
    let mut browser = PageBrowser::new();
    let fields =
        [("username", "ada"), ("password", PASSWORD), ("return_to", "https://shop.example/orders?x=1")];

    let page = html(&browser.post_and_follow(&server, "/login", &fields).await);
    let link = "href=\"/continue?to=https%3A%2F%2Fshop.example%2Forders%3Fx%3D1\"";
    assert!(page.contains("temporary password") && unescaped(&page).contains(link), "{page}");

    let change = [("current_password", PASSWORD), ("new_password", "a walk in the park"), fields[2]];
    let page = html(&browser.post_and_follow(&server, "/account/security", &change).await);
    assert!(page.contains("Your password is changed.") && unescaped(&page).contains(link), "{page}");
    let elsewhere = html(&browser.open(&server, "/account/security?return_to=https://evil.example/").await);
    assert!(!elsewhere.contains("href=\"https") && !elsewhere.contains(">Continue</a>"), "{elsewhere}");
}

#[tokio::test]
async fn a_wrong_password_does_not_show_that_the_right_one_is_temporary() {
    let server = TestServer::open().await;
    server.import_with_temporary_password("ada").await;
    server.register("bob").await;
    let mut pages = Vec::new();
    for name in ["ada", "bob"] {
        let fields = [("username", name), ("password", "wrong horse battery")];
        let response = PageBrowser::new().post(&server, "/login", &fields).await;
        assert_eq!(response.status, 401);
        let id = response.header("x-request-id").unwrap();
        pages.push(html(&response).replace(id, "ID").replace(name, "NAME"));
    }
    assert_eq!(pages[0], pages[1]);
}

/// The page with the slashes that its templates escape.
fn unescaped(page: &str) -> String {
    page.replace("&#x2f;", "/")
}

#[tokio::test]
async fn the_activity_says_what_has_happened() {
    let (server, mut browser) = signed_in().await;
    let id = login_with_label(&server, "session", "phone").await;
    browser.post(&server, &format!("/account/sessions/{id}/end"), &[]).await;

    let page = html(&browser.open(&server, "/account/activity").await);
    for part in
        ["Your account was created.", "You signed in: phone, from 127.0.0.1.", "You ended the sign-in"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = html(&browser.open(&server, &format!("/account/activity?session={id}")).await);
    assert!(!page.contains("Your account was created."), "{page}");
    let page = browser.open(&server, "/account/activity?after=nonsense&session=x").await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_user_who_is_not_signed_in_returns_to_the_page_after_signing_in() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();

    let response = browser.open(&server, "/account/activity?session=abc").await;
    assert_eq!(
        (response.status, response.header("location")),
        (303, Some("/login?return_to=%2Faccount%2Factivity%3Fsession%3Dabc"))
    );
    let response = browser.post(&server, "/account/security", &[("current_password", "a")]).await;
    assert_eq!(response.header("location"), Some("/login?return_to=%2Faccount"));
}
