//! Sign in, create an account, sign out.

use std::time::Duration;

use counterfoil::Registration;
use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::administrator::administrator;
use crate::browser::{PageBrowser, after, html};
use crate::client::Request;
use crate::test_server::{PASSWORD, TestServer};

#[tokio::test]
async fn a_user_creates_an_account_signs_out_and_signs_in() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();
    assert!(html(&browser.open(&server, "/register").await).contains("Create an account"));

    let fields = [("username", "ada"), ("password", PASSWORD), ("email", "ada@example.org")];
    let account = browser.post_and_follow(&server, "/register", &fields).await;
    assert!(html(&account).contains("You are signed in as ada."), "{account:?}");

    let page = html(&browser.open(&server, "/logout").await);
    assert!(page.contains("Sign out of this device?"));
    let login = html(&browser.post_and_follow(&server, "/logout", &[]).await);
    assert!(login.contains("You are signed out."), "{login}");
    assert!(!html(&browser.open(&server, "/login").await).contains("You are signed out."), "told twice");
    assert_eq!(browser.open(&server, "/account/sessions").await.status, 303);

    let signed_in = browser.sign_in(&server, "ada").await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/account")));
    let account = browser.open(&server, "/account").await;
    assert_eq!(account.header("location"), Some("/account/sessions"));
    assert_eq!(browser.open(&server, "/account/sessions").await.status, 200);
}

#[tokio::test]
async fn an_unchecked_box_keeps_the_login_only_until_the_browser_is_closed() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    let fields = [("username", "ada"), ("password", PASSWORD)];

    browser.post(&server, "/login", &fields).await;
    assert_eq!(browser.names(), ["session", "temporary"]);
    assert!(browser.cookies.iter().all(|(.., is_kept)| !is_kept), "{:?}", browser.cookies);

    let change = [("current_password", PASSWORD), ("new_password", "a walk in the park")];
    let changed = browser.post(&server, "/account/security", &change).await;
    assert_eq!(changed.status, 303, "{changed:?}");
    let renewed = browser.cookies.iter().find(|(name, ..)| name.ends_with("session")).unwrap();
    assert!(!renewed.2, "the renewed cookie is kept longer");
    browser.post(&server, "/logout", &[]).await;
    assert_eq!(browser.names(), ["flash"]);
}

#[tokio::test]
async fn wrong_name_wrong_password_and_disabled_user_have_one_page() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut pages = Vec::new();
    for (name, password) in [("ada", "wrong horse"), ("bob", "wrong horse"), ("eve", PASSWORD)] {
        let mut browser = PageBrowser::new();
        let response = browser.post(&server, "/login", &[("username", name), ("password", password)]).await;
        assert_eq!(response.status, 401, "{response:?}");
        let id = response.header("x-request-id").unwrap();
        let page = html(&response).replace(id, "ID").replace(name, "NAME");
        assert!(page.contains("The name or the password is wrong.") && page.contains("role=\"alert\""));
        assert!(page.contains("<title>Error: Sign in"), "{page}");
        assert!(page.contains("value=\"NAME\"") && browser.cookies.is_empty());
        pages.push(page);
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[tokio::test]
async fn an_empty_field_is_named() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();

    let response = browser.post(&server, "/login", &[("username", ""), ("password", "")]).await;
    assert_eq!(response.status, 422);
    let page = html(&response);
    assert!(page.contains("Enter your username.") && page.contains("Enter your password."), "{page}");
    assert!(page.contains("aria-invalid=\"true\"") && page.contains("aria-describedby"));
}

#[tokio::test]
async fn too_many_tries_say_when_to_try_again() {
    let server = TestServer::with(|settings| {
        let limit = RateLimit { max: 2, window: Duration::from_secs(900) };
        settings.rate_limits.per_account_and_ip = limit;
    })
    .await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    let fields = [("username", "ada"), ("password", "wrong horse")];
    for _ in 0..2 {
        browser.post(&server, "/login", &fields).await;
    }

    let response = browser.post(&server, "/login", &fields).await;
    assert_eq!(response.status, 429, "{response:?}");
    assert!(response.header("retry-after").is_some());
    let page = html(&response);
    assert!(page.contains("Too many tries.") && page.contains("Try again in 15 minutes"), "{page}");
}

#[tokio::test]
async fn a_refused_name_or_password_is_explained_at_its_field() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    for (name, password, email, status, expected) in [
        ("ada", PASSWORD, "", 409, "Another user has this username"),
        ("a@b", PASSWORD, "", 422, "Use no @"),
        ("bob", "short", "", 422, "Use at least 8 characters."),
        ("bob", "password1", "", 422, "one of the most common passwords"),
        ("bob", "bobbobbob", "", 422, "nothing to do with your name"),
        ("bob", PASSWORD, "no address", 422, "name@example.org"),
        ("", PASSWORD, "", 422, "Enter your username."),
        ("bob", "", "", 422, "Enter your password."),
    ] {
        let fields = [("username", name), ("password", password), ("email", email)];
        let response = browser.post(&server, "/register", &fields).await;
        assert_eq!(response.status, status, "{name} {password}: {response:?}");
        let page = html(&response);
        assert!(page.contains(expected), "{name} {password}: {page}");
        assert!(page.contains("class=\"wrong\""));
    }
}

#[tokio::test]
async fn a_closed_registration_has_a_page_and_no_link() {
    let server = TestServer::with(|settings| settings.registration = Registration::Closed).await;
    let mut browser = PageBrowser::new();

    assert!(!html(&browser.open(&server, "/login").await).contains("/register"));
    for response in [
        browser.open(&server, "/register").await,
        browser.post(&server, "/register", &[("username", "ada"), ("password", PASSWORD)]).await,
    ] {
        assert_eq!(response.status, 403);
        assert!(html(&response).contains("Registration is closed"));
    }
}

#[tokio::test]
async fn the_holder_of_the_genuine_cookie_learns_why_the_session_ended() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (mut laptop, mut phone) = (PageBrowser::new(), PageBrowser::new());
    laptop.sign_in(&server, "ada").await;
    phone.sign_in(&server, "ada").await;
    let stolen = laptop.clone();
    phone.post(&server, "/account/sessions/end-others", &[]).await;

    let redirect = laptop.open(&server, "/account/sessions").await;
    let login = redirect.header("location").unwrap().to_owned();
    assert_eq!(login, "/login?return_to=%2Faccount%2Fsessions");
    let page = html(&laptop.open(&server, &login).await);
    assert!(page.contains("This sign-in was ended from another device."), "{page}");
    assert!(!after(&page, "class=\"why\"", "</div>").contains("127.0.0.1"), "the place is told");
    assert!(!html(&laptop.open(&server, &login).await).contains("was ended"), "told once");
    assert!(laptop.names().is_empty(), "{:?}", laptop.cookies);

    // The id of the session with another secret, as somebody could guess it.
    let mut guess = stolen;
    for (_, value, _) in &mut guess.cookies {
        let end = value.pop().unwrap();
        value.push(if end == 'A' { 'B' } else { 'A' });
    }
    assert!(!html(&guess.open(&server, "/login").await).contains("was ended"));
}

#[tokio::test]
async fn a_client_that_is_disabled_says_nothing_of_the_account() {
    let (server, mut root) = administrator().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "ada").await;
    root.post(&server, "/admin/clients/default/disable", &[("confirm", "default")]).await;

    let page = html(&browser.open(&server, "/login").await);
    assert!(page.contains("This sign-in was ended by the service."), "{page}");
}

#[tokio::test]
async fn no_account_is_made_for_a_client_that_cannot_sign_in() {
    let server = TestServer::open().await;
    let mut browser = PageBrowser::new();
    let fields = [("username", "ada"), ("password", PASSWORD), ("client", "nope")];
    let refused = browser.post(&server, "/register", &fields).await;
    assert!(html(&refused).contains("may not sign you in here"), "{refused:?}");

    let made = browser.post(&server, "/register", &fields[..2]).await;
    assert_eq!(made.status, 303, "the name is not taken: {made:?}");
}

#[tokio::test]
async fn a_form_of_another_origin_changes_nothing() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let mut browser = PageBrowser::new();
    browser.sign_in(&server, "ada").await;
    let body = format!("username=ada&password={PASSWORD}");
    for path in
        ["/login", "/register", "/logout", "/language", "/account/security", "/account/sessions/end-all"]
    {
        for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let request = Request::post(path).header("accept", "text/html").header(header.0, header.1);
            let request = request.body("application/x-www-form-urlencoded", &body);
            let response = browser.send(&server, request).await;
            assert_eq!(response.status, 403, "{path}: {response:?}");
            assert!(html(&response).contains("This form was sent from another page."), "{path}");
        }
    }
    assert_eq!(browser.open(&server, "/account/sessions").await.status, 200);
}
