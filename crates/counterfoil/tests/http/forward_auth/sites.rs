//! Requests that a page of another site sends with the cookies of the user.

use super::*;

fn with_cookie(request: Request, token: &str) -> Request {
    request.header("cookie", format!("__Host-session={token}"))
}

fn handshake(token: &str) -> Request {
    let request = with_cookie(forwarded("nginx", "GET", "/socket"), token);
    request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

#[tokio::test]
async fn a_write_with_a_cookie_comes_from_a_page_of_the_guarded_origin() {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.trusted_origins = vec!["https://trusted.example".parse().unwrap()];
    })
    .await;
    let token = session(&server, "ada", &[]).await;
    let write = |name: &str, value: &str| {
        with_cookie(forwarded("nginx", "POST", "/orders"), &token).header(name, value)
    };

    for (name, value, passes) in [
        ("origin", "https://auth.example", true),
        ("origin", "https://trusted.example", true),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "cross-site", false),
        ("origin", "https://app.example", false),
        ("origin", "https://evil.example", false),
        ("origin", "http://auth.example", false),
        ("origin", "null", false),
        ("x-other", "", false),
    ] {
        let response = write(name, value).send(&server).await;
        if passes { assert_allowed(&response) } else { assert_refused(&response, 403, "cross_site") }
    }
    let bearer = forwarded("nginx", "POST", "/").bearer(&token).header("origin", "https://evil.example");
    assert_allowed(&bearer.send(&server).await);
    let read = with_cookie(forwarded("nginx", "GET", "/"), &token).header("origin", "https://evil.example");
    assert_allowed(&read.send(&server).await);
}

#[tokio::test]
async fn the_origin_of_a_guarded_host_is_its_own() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let ask = |origin: &str| {
        let request = Request::get("/v1/verify/nginx")
            .header("x-forwarded-method", "POST")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "APP.example:443")
            .header("x-forwarded-uri", "/");
        with_cookie(request, &token).header("origin", origin)
    };

    assert_allowed(&ask("https://app.example").send(&server).await);
    assert_refused(&ask("https://auth.example").send(&server).await, 403, "cross_site");
}

#[tokio::test]
async fn a_websocket_handshake_with_a_cookie_has_the_origin_of_the_guarded_page() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;

    assert_allowed(&handshake(&token).header("origin", "https://auth.example").send(&server).await);
    for refused in [
        handshake(&token),
        handshake(&token).header("sec-fetch-site", "same-origin"),
        handshake(&token).header("origin", "https://evil.example"),
        handshake(&token).header("origin", "https://evil.example").header("sec-fetch-mode", "navigate"),
    ] {
        assert_refused(&refused.send(&server).await, 403, "cross_site");
    }
    let bearer = forwarded("nginx", "GET", "/socket").bearer(&token).header("sec-websocket-key", "x");
    assert_allowed(&bearer.send(&server).await);
}

/// Caddy passes the handshake on as it is.
#[tokio::test]
async fn a_handshake_is_answered_without_an_upgrade() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let request = handshake(&token)
        .header("origin", "https://auth.example")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13");

    assert_allowed(&request.send(&server).await);
}
