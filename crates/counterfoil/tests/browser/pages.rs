//! Journeys of a person through the pages, with and without script, against a real server.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::response::Html;
use axum::routing::get;
use counterfoil::{Registration, Settings};
use counterfoil_core::services::login_rate_limiter::RateLimit;
use serde_json::json;
use tokio::net::TcpListener;

use crate::driver::Chromium;
use crate::test_server::{PASSWORD, TestServer};

/// An origin with a form and a frame that lead to the server.
async fn origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let page = |RawQuery(query): RawQuery, element: fn(&str) -> String| {
        let to = query.unwrap_or_default().replace("to=", "").replace("%3A", ":").replace("%2F", "/");
        Html(format!("<!doctype html><title>Another site</title>{}", element(&to)))
    };
    let form = |to: &str| {
        format!(
            "<form method=post action=\"{to}\"><input name=username value=ada><button>Send</button></form>"
        )
    };
    let frame = |to: &str| format!("<iframe src=\"{to}\"></iframe>");
    let pages = Router::new()
        .route("/", get(|| async { Html("<!doctype html><title>Shop</title>") }))
        .route("/form", get(async move |query: RawQuery| page(query, form)))
        .route("/frame", get(async move |query: RawQuery| page(query, frame)));
    tokio::spawn(async move { axum::serve(listener, pages).await });
    // Another site than the server at 127.0.0.1.
    format!("http://localhost:{port}")
}

/// Makes the journey with script and without it, at the same time, each with a user of its own.
async fn travel(journey: &str, change: impl FnOnce(&mut Settings, &str)) {
    let Some(chromium) = Chromium::open() else { return };
    let (application, stranger) = (origin().await, origin().await);
    let server = TestServer::with(|settings| change(settings, &application)).await;
    let mut travellers = Vec::new();
    for (script, username) in [(true, "ada"), (false, "bob")] {
        match journey {
            "register" | "closed_registration" => {}
            "live" => server.add_admin(username).await,
            _ => server.register(username).await,
        }
        travellers.push(json!({
            "origin": server.origin,
            "script": script,
            "username": username,
            "password": PASSWORD,
            "application": application,
            "stranger": stranger,
        }));
    }
    let findings = chromium.travel(journey, &travellers);
    assert!(findings.is_empty(), "{journey}: {findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_and_signs_out() {
    travel("register", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_corrected_in_the_same_form() {
    travel("sign_in", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_back_to_known_origins_only() {
    travel("return_to", |settings, application| {
        settings.pages.return_origins = vec![application.parse().unwrap()];
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_all_others_and_all_devices_are_ended() {
    travel("devices", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed() {
    travel("password", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_too_many_tries_the_told_time_is_enough() {
    travel("too_many_tries", |settings, _| {
        let limit = RateLimit { max: 2, window: Duration::from_secs(4) };
        settings.rate_limits.per_account_and_ip = limit;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_registration_is_told() {
    travel("closed_registration", |settings, _| settings.registration = Registration::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_frames_of_another_origin_are_refused() {
    travel("other_origin", |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_what_happens_elsewhere() {
    travel("live", |settings, _| settings.console.enabled = true).await;
}
