//! Which credentials a proxy can present, and where.

use counterfoil::operator::TokenMintRequest;

use super::*;
use crate::test_server::{Browser, text};

#[tokio::test]
async fn the_cookies_of_every_mode_are_credentials() {
    let server = server().await;
    server.register("ada").await;
    for mode in ["session", "jwt", "hybrid"] {
        let mut browser = Browser::default();
        server.login_browser(&mut browser, "ada", mode).await;

        let response = browser.send(page("nginx"), &server).await;
        assert_allowed(&response);
        assert_eq!(response.header("remote-user"), Some("ada"), "{mode}");
    }
}

#[tokio::test]
async fn a_refresh_token_and_an_admin_key_are_no_credentials() {
    let server = server().await;
    server.register("ada").await;
    let login = server.login("ada", "hybrid").await;

    for token in [text(&login, "refresh_token"), "cfa_x", "cfv_x", "eyJ.e30.x", ""] {
        assert_refused(&page("nginx").bearer(token).send(&server).await, 401, "invalid_token");
    }
    assert_refused(
        &page("nginx").header("authorization", "Basic YTpi").send(&server).await,
        401,
        "credential_required",
    );
}

#[tokio::test]
async fn two_different_credentials_are_refused() {
    let server = server().await;
    let [first, second] = [session(&server, "ada", &[]).await, session(&server, "bob", &[]).await];
    let both = |proxy: &str| {
        page(proxy)
            .bearer(&first)
            .header("cookie", format!("__Host-session={second}"))
            .header("origin", "https://auth.example")
    };

    assert_refused(&both("caddy").send(&server).await, 400, "ambiguous_credential");
    assert_refused(&both("nginx").send(&server).await, 403, "ambiguous_credential");
    assert_refused(&both("nginx/optional").send(&server).await, 403, "ambiguous_credential");
}

#[tokio::test]
async fn an_application_with_its_own_authorization_lets_only_cookies_be_read() {
    let server = server().await;
    let [first, second] = [session(&server, "ada", &[]).await, session(&server, "bob", &[]).await];
    let both = |options: &str| {
        page(&format!("nginx/{options}")).bearer(&first).header("cookie", format!("__Host-session={second}"))
    };

    assert_eq!(both("cookie").send(&server).await.header("remote-user"), Some("bob"));
    assert_eq!(both("bearer").send(&server).await.header("remote-user"), Some("ada"));
    let foreign = page("nginx/cookie").bearer("the application's own").send(&server).await;
    assert_refused(&foreign, 401, "credential_required");
    let twice = page("nginx/cookie").header("authorization", "Bearer a").header("authorization", "Bearer b");
    let twice = twice.header("cookie", format!("__Host-session={second}"));
    assert_eq!(twice.send(&server).await.header("remote-user"), Some("bob"));
}

/// Its subject is chosen by an operator, and could be taken for a user.
#[tokio::test]
async fn a_token_of_a_machine_is_no_user() {
    let server = server().await;
    let request = TokenMintRequest { subject: Some("backup".to_owned()), ..Default::default() };
    let minted = server.app.administer(Command::TokenMint(request)).await.unwrap();
    let token = minted["access_token"].as_str().unwrap().to_owned();

    assert_refused(&page("nginx").bearer(&token).send(&server).await, 401, "invalid_token");
}

#[tokio::test]
async fn only_the_address_that_the_user_has_proved_is_sent() {
    let server = server().await;
    server.register("ada").await;
    let change = UserChangeRequest {
        email: Some(Some("ada@shop.example".to_owned())),
        email_verified: Some(true),
        ..Default::default()
    };
    server.app.administer(Command::UserChange { user: "ada".to_owned(), change }).await.unwrap();

    for (mode, member) in [("session", "session_token"), ("jwt", "access_token")] {
        let token = server.login("ada", mode).await;
        let response = page("nginx").bearer(text(&token, member)).send(&server).await;
        assert_eq!(response.header("remote-email"), Some("ada@shop.example"), "{mode}");
    }
}
