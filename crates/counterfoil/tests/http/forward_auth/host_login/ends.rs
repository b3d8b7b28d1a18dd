//! What ends a login at the host: the end of its session, a revocation, a changed password and a logout.

use counterfoil::operator::{RevocationRequest, Wait};
use serde_json::json;

use super::*;
use crate::test_server::PASSWORD;

#[tokio::test]
async fn the_end_of_the_session_ends_the_code_and_the_host_token() {
    let server = two_hosts().await;
    server.register("ada").await;
    for mode in ["session", "jwt", "hybrid"] {
        let mut ada = Person::logged_in(&server, "ada", mode).await;
        ada.log_in_at_host(&server).await;
        let mut late = Person { issuer: ada.issuer.clone(), host: Browser::default() };
        let url = late.callback_url(&server, "%2F").await;
        assert_allowed(&ada.ask(&server, APP, "GET").await);

        let logout = Request::post("/v1/logout").json(&json!({}));
        assert_eq!(ada.issuer.send(logout, &server).await.status, 204);

        assert_refused(&ada.ask(&server, APP, "GET").await, 401, "invalid_token");
        assert_refused(&late.open(&server, &url).await, 403, "host_login_invalid");
    }
}

/// Requests with a host token are answered from memory, so each kind of end must reach it.
#[tokio::test]
async fn a_revocation_by_an_administrator_is_seen_by_the_next_request() {
    let server = two_hosts().await;
    for subject in ["session:{session}", "user:{user}", "client:default", "everyone", "disabled"] {
        for mode in ["session", "hybrid"] {
            let name = format!("{}-{mode}", subject.split(':').next().unwrap());
            server.register(&name).await;
            let mut ada = Person::logged_in(&server, &name, mode).await;
            ada.log_in_at_host(&server).await;
            assert_allowed(&ada.ask(&server, APP, "GET").await);
            let passed = ada.ask(&server, APP, "GET").await;
            assert_allowed(&passed);

            let [user, session] =
                ["remote-subject", "remote-session"].map(|name| passed.header(name).unwrap());
            let command = if subject == "disabled" {
                let change = UserChangeRequest { disabled: Some(true), ..Default::default() };
                Command::UserChange { user: name, change }
            } else {
                let subject = subject.replace("{user}", user).replace("{session}", session);
                Command::Revoke(RevocationRequest { subject, reason: None, wait: Wait::None })
            };
            server.app.administer(command).await.unwrap();

            assert_refused(&ada.ask(&server, APP, "GET").await, 401, "invalid_token");
        }
    }
}

/// Otherwise the thief of a host token would stay logged in after the user has changed the password because of the theft.
#[tokio::test]
async fn a_change_of_the_password_ends_the_host_tokens_of_the_session_that_stays() {
    let server = two_hosts().await;
    for mode in ["session", "jwt", "hybrid"] {
        let name = format!("ada-{mode}");
        server.register(&name).await;
        let mut ada = Person::logged_in(&server, &name, mode).await;
        ada.log_in_at_host(&server).await;
        let mut late = Person { issuer: ada.issuer.clone(), host: Browser::default() };
        let url = late.callback_url(&server, "%2F").await;
        assert_allowed(&ada.ask(&server, APP, "GET").await);

        let form = json!({ "current_password": PASSWORD, "new_password": "a new horse battery" });
        let changed = ada.issuer.send(Request::post("/v1/password").json(&form), &server).await;
        assert!(changed.status < 300, "{changed:?}");

        assert_refused(&ada.ask(&server, APP, "GET").await, 401, "invalid_token");
        assert_refused(&late.open(&server, &url).await, 403, "host_login_invalid");
        // The session itself has stayed.
        ada.log_in_at_host(&server).await;
        assert_allowed(&ada.ask(&server, APP, "GET").await);
    }
}

#[tokio::test]
async fn a_logout_at_the_host_ends_the_session_everywhere() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let logout = |headers: &[(&str, &str)]| {
        let request = at(APP, Request::post("/.counterfoil/logout"));
        headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    };
    let line = format!("{TOKEN}={}", ada.host.cookie(TOKEN).unwrap());
    for foreign in [
        &[("cookie", line.as_str()), ("origin", "https://evil.example")][..],
        &[("cookie", &line), ("origin", "https://auth.example")],
        &[("cookie", &line), ("sec-fetch-site", "cross-site")],
        &[("cookie", &line)],
    ] {
        assert_refused(&logout(foreign).send(&server).await, 403, "cross_site");
    }
    assert_allowed(&ada.ask(&server, APP, "GET").await);

    let ended = ada.host.send(logout(&[("origin", "https://app.example")]), &server).await;
    assert_eq!(ended.status, 204);
    assert!(ada.host.cookies.is_empty(), "{ada:?}", ada = ada.host);
    let me = ada.issuer.send(Request::get("/v1/me"), &server).await;
    assert_eq!(me.status, 401, "the session at the issuer has ended, too");
    let again = ada.host.send(logout(&[("origin", "https://app.example")]), &server).await;
    assert_eq!(again.status, 204);
}

#[tokio::test]
async fn a_page_of_another_site_writes_nothing_with_a_host_token() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let line = format!("{TOKEN}={}", ada.host.cookie(TOKEN).unwrap());
    let write = |origin: &str| asked(APP, "POST").header("cookie", &line).header("origin", origin);

    for origin in ["https://evil.example", "https://other.example", "https://auth.example"] {
        assert_refused(&write(origin).send(&server).await, 403, "cross_site");
    }
    assert_allowed(&write("https://app.example").send(&server).await);
    let handshake = asked(APP, "GET").header("cookie", &line).header("sec-websocket-key", "x");
    assert_refused(&handshake.send(&server).await, 403, "cross_site");
}
