//! The codes with which a login continues at the host: used once, and bound to the browser, the host and the target.

use super::*;

#[tokio::test]
async fn a_code_is_used_once() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    let url = ada.callback_url(&server, "%2F").await;
    // The same browser, before and after.
    let copy = ada.host.clone();
    let send = |mut browser: Browser| {
        let (request, server) = (at(APP, Request::get(split(&url).1)), &server);
        async move { browser.send(request, server).await }
    };

    let answers = tokio::join!(
        send(copy.clone()),
        send(copy.clone()),
        send(copy.clone()),
        send(copy.clone()),
        send(copy.clone()),
    );
    let statuses = [answers.0, answers.1, answers.2, answers.3, answers.4].map(|answer| answer.status);
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 4, "{statuses:?}");
    assert_refused(&send(copy).await, 403, "host_login_invalid");
}

/// An attacker has a code for a session of the attacker, and lets the user open it (login CSRF).
#[tokio::test]
async fn a_code_of_another_browser_logs_no_user_in_and_stays_unused() {
    let server = two_hosts().await;
    for name in ["ada", "eve"] {
        server.register(name).await;
    }
    let mut eve = Person::logged_in(&server, "eve", "session").await;
    let url = eve.callback_url(&server, "%2F").await;

    let mut victims = [Person::default(), Person::logged_in(&server, "ada", "session").await];
    // One has begun a login of their own.
    victims[1].callback_url(&server, "%2F").await;
    for ada in &mut victims {
        let refused = ada.open(&server, &url).await;
        assert_refused(&refused, 403, "host_login_invalid");
        assert!(ada.host.cookie(TOKEN).is_none());
    }
    let other_state = url.replace(parameter(&url, "state"), victims[1].host.cookie(STATE).unwrap());
    assert_refused(&victims[1].open(&server, &other_state).await, 403, "host_login_invalid");
    // Of two values none counts.
    let both = format!("{STATE}={}; {STATE}={}", "A".repeat(22), parameter(&url, "state"));
    let tossed = at(APP, Request::get(split(&url).1)).header("cookie", both).send(&server).await;
    assert_refused(&tossed, 403, "host_login_invalid");

    assert_eq!(eve.open(&server, &url).await.status, 303);
}

#[tokio::test]
async fn a_code_is_bound_to_its_host_and_its_target() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    let url = ada.callback_url(&server, "%2Forders").await;
    let code = parameter(&url, "code").to_owned();
    let flipped = if code.ends_with('A') { "E" } else { "A" };

    for changed in [
        url.replace(APP, "other.example"),
        url.replace("%2Forders", "%2Fother"),
        url.replace("%2Forders", "https%3A%2F%2Fevil.example"),
        url.replace("&return_to=%2Forders", ""),
        url.replace(&code, &format!("{}{flipped}", &code[..code.len() - 1])),
        url.replace(&code, ""),
    ] {
        assert_refused(&ada.open(&server, &changed).await, 403, "host_login_invalid");
    }
    assert_eq!(ada.open(&server, &url).await.status, 303, "it stays unused");
}

#[tokio::test]
async fn codes_of_one_session_are_limited_and_nothing_is_stored_for_them() {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.write_rate_limits.per_session = RateLimit { max: 3, window: Duration::from_secs(900) };
    })
    .await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    for _ in 0..3 {
        ada.callback_url(&server, "%2F").await;
    }
    let started = ada.open(&server, "https://app.example/.counterfoil/start").await;
    let refused = ada.open(&server, started.header("location").unwrap()).await;
    assert_refused(&refused, 429, "too_many_requests");
}
