//! Every status that the routes of the login are documented with.

use super::*;

/// Calls the four routes for each documented status.
pub(in crate::forward_auth) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.forward_auth.per_ip = RateLimit { max: 1, window: Duration::from_secs(900) };
        settings.write_rate_limits.per_session = RateLimit { max: 1, window: Duration::from_secs(900) };
    })
    .await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    let line = ada.issuer.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<String>();
    let limited = |request: Request| at(APP, request).header("x-forwarded-for", "192.0.2.1");
    let state = "A".repeat(22);
    let issue = |query: &str| Request::get(&format!("/v1/host-login?state={state}&return_to=%2F&{query}"));
    let with_session = || issue("host=app.example").header("cookie", &line);
    let logout = || Request::post("/.counterfoil/logout").header("origin", "https://app.example");
    let url = ada.callback_url(&server, "%2F").await;
    let callback = || {
        let kept = format!("{STATE}={}", parameter(&url, "state"));
        Request::get(split(&url).1).header("cookie", kept)
    };
    let no_page = TestServer::with(|settings| {
        guard(settings);
        settings.login_url = None;
    })
    .await;
    for (server, request) in [
        (&server, at(APP, callback())),
        (&server, at(APP, Request::get("/.counterfoil/start"))),
        (&server, Request::get("/.counterfoil/start")),
        (&server, at("evil.example", Request::get("/.counterfoil/start"))),
        (&server, at(APP, Request::get("/.counterfoil/start?x=1"))),
        (&server, limited(Request::get("/.counterfoil/start"))),
        (&server, limited(Request::get("/.counterfoil/start"))),
        (&server, Request::get("/.counterfoil/callback")),
        (&server, at(APP, Request::get("/.counterfoil/callback"))),
        (&server, Request::get("/.counterfoil/callback?x=1")),
        (&server, limited(Request::get("/.counterfoil/callback"))),
        (&server, issue("host=app.example")),
        (&server, issue("host=app.example").header("cookie", "__Host-session=a; __Host-session=b")),
        (&no_page, issue("host=app.example")),
        (&server, issue("host=evil.example")),
        (&server, Request::get("/v1/host-login")),
        (&server, with_session()),
        (&server, at(APP, logout())),
        (&server, logout()),
        (&server, at("evil.example", logout())),
        (&server, limited(logout())),
    ] {
        record(seen, server, request).await;
    }
    let fresh = Person::logged_in(&server, "ada", "session").await;
    let line = fresh.issuer.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<String>();
    let mut host = Person { issuer: fresh.issuer, host: Browser::default() };
    let url = host.callback_url(&server, "%2F").await;
    server.app.close().await.unwrap();
    let kept = format!("{STATE}={}; {TOKEN}=cfh_{state}.{}", parameter(&url, "state"), "A".repeat(54));
    record(seen, &server, at(APP, Request::get(split(&url).1)).header("cookie", &kept)).await;
    record(seen, &server, issue("host=app.example").header("cookie", line)).await;
    record(seen, &server, at(APP, logout()).header("cookie", kept)).await;
}

async fn record(seen: &mut BTreeSet<(String, String, String)>, server: &TestServer, request: Request) {
    let status = request.send(server).await.status;
    let path = request.path.split('?').next().unwrap().to_owned();
    seen.insert((path, request.method.to_lowercase(), status.to_string()));
}
