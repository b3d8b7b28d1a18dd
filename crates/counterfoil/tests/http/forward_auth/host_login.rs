//! The login at a host that does not get the cookies of the issuer, as browsers and attackers go through it.

use counterfoil::operator::{RevocationRequest, Wait};
use serde_json::json;

use super::*;
use crate::test_server::{Browser, PASSWORD, text};

const APP: &str = "app.example";
const STATE: &str = "__Host-forward-state";
const TOKEN: &str = "__Host-forward";

/// A person's browser: its cookies at the issuer and those at the guarded host.
#[derive(Default)]
pub(crate) struct Person {
    issuer: Browser,
    host: Browser,
}

impl Person {
    pub(crate) async fn logged_in(server: &TestServer, name: &str, mode: &str) -> Self {
        let mut person = Self::default();
        server.login_browser(&mut person.issuer, name, mode).await;
        person
    }

    /// Opens an address of the issuer or of the host, as a browser opens a page.
    async fn open(&mut self, server: &TestServer, url: &str) -> Response {
        let (origin, path) = split(url);
        if origin == "https://auth.example" {
            return self.issuer.send(Request::get(path).header("sec-fetch-dest", "document"), server).await;
        }
        let host = origin.strip_prefix("https://").unwrap();
        self.host.send(at(host, Request::get(path)).header("sec-fetch-dest", "document"), server).await
    }

    /// Follows redirects from the start to the address of the callback.
    async fn callback_url(&mut self, server: &TestServer, return_to: &str) -> String {
        let start = format!("https://{APP}/.counterfoil/start?return_to={return_to}");
        let started = self.open(server, &start).await;
        assert_eq!(started.status, 303, "{started:?}");
        let issued = self.open(server, started.header("location").unwrap()).await;
        assert_eq!(issued.status, 303, "{issued:?}");
        let url = issued.header("location").unwrap().to_owned();
        assert!(url.starts_with(&format!("https://{APP}/.counterfoil/callback?code=")), "{url}");
        url
    }

    pub(crate) async fn log_in_at_host(&mut self, server: &TestServer) -> Response {
        let url = self.callback_url(server, "%2Forders").await;
        let done = self.open(server, &url).await;
        assert_eq!(done.status, 303, "{done:?}");
        done
    }

    /// What the proxy of this host learns about a request with the cookies of the host.
    async fn ask(&self, server: &TestServer, host: &str, method: &str) -> Response {
        let lines = self.host.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = lines.collect::<Vec<_>>().join("; ");
        asked(host, method).header("cookie", cookies).send(server).await
    }
}

fn split(url: &str) -> (&str, &str) {
    let end = url.find("/.").or_else(|| url.find("/v1")).unwrap_or(url.len());
    url.split_at(end)
}

/// A request that the proxy of this host forwards.
fn at(host: &str, request: Request) -> Request {
    request.header("x-forwarded-host", host).header("x-forwarded-proto", "https")
}

/// What a proxy asks about a request at this host.
fn asked(host: &str, method: &str) -> Request {
    at(host, Request::get("/v1/verify/caddy"))
        .header("x-forwarded-method", method)
        .header("x-forwarded-uri", "/orders")
}

/// A server that guards two other hosts.
async fn two_hosts() -> TestServer {
    TestServer::with(|settings| {
        guard(settings);
        settings.forward_auth.hosts.push("other.example".parse().unwrap());
    })
    .await
}

fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').unwrap().1;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap()
}

#[tokio::test]
async fn a_browser_logs_in_at_the_host_by_its_session_at_the_issuer() {
    let server = two_hosts().await;
    server.register("ada").await;
    for mode in ["session", "jwt", "hybrid"] {
        let mut ada = Person::logged_in(&server, "ada", mode).await;
        let sent = asked(APP, "GET").header("sec-fetch-mode", "navigate").send(&server).await;
        let start = format!("https://{APP}/.counterfoil/start?return_to=%2Forders");
        assert_eq!((sent.status, sent.header("location")), (303, Some(start.as_str())));

        let done = ada.log_in_at_host(&server).await;
        assert_eq!(done.header("location"), Some("https://app.example/orders"));
        assert_eq!(done.header("referrer-policy"), Some("no-referrer"));
        let set = done.all("set-cookie");
        let token = set.iter().find(|line| line.starts_with("__Host-forward=cfh_")).unwrap();
        assert!(token.contains("; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age="), "{token}");
        assert!(set.iter().any(|line| line.starts_with("__Host-forward-state=; ")), "{set:?}");

        // What an access token opens does not live longer than the token.
        let lifetime = token.split_once("Max-Age=").unwrap().1.split(';').next().unwrap();
        let is_short = lifetime.parse::<u64>().unwrap() <= 900;
        assert_eq!(is_short, mode == "hybrid", "{mode}: {token}");

        let passed = ada.ask(&server, APP, "GET").await;
        assert_allowed(&passed);
        assert_eq!(passed.header("remote-user"), Some("ada"), "{mode}");
    }
}

#[tokio::test]
async fn a_host_token_is_accepted_by_its_own_host_only() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let token = ada.host.cookie(TOKEN).unwrap().to_owned();

    assert_refused(&ada.ask(&server, "other.example", "GET").await, 401, "invalid_token");
    let issuers_host = ada.ask(&server, "auth.example", "GET").await;
    assert_refused(&issuers_host, 401, "credential_required");
    for route in ["/v1/me", "/v1/sessions", "/v1/session/data"] {
        assert_eq!(Request::get(route).bearer(&token).send(&server).await.status, 401, "{route}");
        let cookies = format!("__Host-session={token}; __Host-access={token}");
        assert_ne!(Request::get(route).header("cookie", cookies).send(&server).await.status, 200, "{route}");
    }
    assert_refused(&asked(APP, "GET").bearer(&token).send(&server).await, 401, "invalid_token");
    let session = text(&server.login("ada", "session").await, "session_token").to_owned();
    let as_host_token = asked(APP, "GET").header("cookie", format!("{TOKEN}={session}"));
    assert_refused(&as_host_token.send(&server).await, 401, "invalid_token");
}

#[tokio::test]
async fn forged_and_ambiguous_host_tokens_are_refused() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let token = ada.host.cookie(TOKEN).unwrap().to_owned();
    let with = |line: String| asked(APP, "GET").header("cookie", line);

    let flipped = if token.ends_with('A') { "Q" } else { "A" };
    for bad in [
        "cfh_".to_owned(),
        token.replace("cfh_", "cfs_"),
        token[..token.len() - 1].to_owned(),
        format!("{}{flipped}", &token[..token.len() - 1]),
        format!("cfh_{}.{}", "A".repeat(22), "A".repeat(54)),
    ] {
        assert_refused(&with(format!("{TOKEN}={bad}")).send(&server).await, 401, "invalid_token");
    }
    let two = with(format!("{TOKEN}={token}; {TOKEN}=cfh_x")).send(&server).await;
    assert_refused(&two, 400, "ambiguous_credential");
    let both = with(format!("{TOKEN}={token}")).bearer("cfs_x").send(&server).await;
    assert_refused(&both, 400, "ambiguous_credential");
    assert_allowed(&with(format!("{TOKEN}={token}; {TOKEN}={token}")).send(&server).await);
}

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
async fn without_a_session_the_browser_is_sent_to_the_login_page_and_back() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::default();
    let started = ada.open(&server, "https://app.example/.counterfoil/start?return_to=%2Fa%3Fb%3Dc").await;
    let url = started.header("location").unwrap();
    assert_eq!(parameter(url, "return_to"), "%2Fa%3Fb%3Dc");
    let login = ada.open(&server, url).await;
    let login = login.header("location").unwrap().to_owned();
    assert!(
        login.starts_with(
            "https://auth.example/login?return_to=https%3A%2F%2Fauth.example%2Fv1%2Fhost-login%3Fhost%3D"
        ),
        "{login}"
    );
    server.login_browser(&mut ada.issuer, "ada", "session").await;

    let issued = ada.open(&server, url).await;
    let done = ada.open(&server, issued.header("location").unwrap()).await;
    assert_eq!(done.header("location"), Some("https://app.example/a?b=c"));
    assert_allowed(&ada.ask(&server, APP, "GET").await);
}

/// The session is too old for a route: the login page must be shown, or the browser would go round in circles.
#[tokio::test]
async fn a_login_that_is_too_old_is_followed_by_another_one() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    ada.log_in_at_host(&server).await;
    let line = format!("{TOKEN}={}", ada.host.cookie(TOKEN).unwrap());
    let mut too_old = asked(APP, "GET").header("cookie", line).header("sec-fetch-mode", "navigate");
    "/v1/verify/caddy/max_age=0".clone_into(&mut too_old.path);

    let sent = too_old.send(&server).await;
    let start = sent.header("location").unwrap().to_owned();
    assert_eq!(start, "https://app.example/.counterfoil/start?return_to=%2Forders&reauth=1");
    let started = ada.open(&server, &start).await;
    let login = ada.open(&server, started.header("location").unwrap()).await;
    let login = login.header("location").unwrap();
    assert!(login.starts_with("https://auth.example/login?") && login.ends_with("&reauth=1"), "{login}");
    assert!(!parameter(login, "return_to").contains("reauth"), "the way back is without it: {login}");
}

#[tokio::test]
async fn no_redirect_leads_to_another_host() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    for (return_to, target) in [
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("evil.example", "/"),
        ("%40evil.example", "/"),
        (".evil.example", "/"),
        ("%09%2F%2Fevil.example", "/"),
        ("%2F%23", "/"),
        ("", "/"),
        // A path of the host.
        ("%2F%2Fevil.example", "//evil.example"),
    ] {
        let url = ada.callback_url(&server, return_to).await;
        let done = ada.open(&server, &url).await;
        assert_eq!(done.header("location"), Some(format!("https://{APP}{target}").as_str()), "{return_to}");
    }
    let state = "A".repeat(22);
    for host in [
        "evil.example",
        "auth.example",
        "app.example:8443",
        "app.example%2F",
        "app.example%40evil.example",
        "",
    ] {
        let url = format!("https://auth.example/v1/host-login?host={host}&state={state}&return_to=%2F");
        assert_refused(&ada.open(&server, &url).await, 403, "host_not_guarded");
    }
    for query in [
        "",
        "host=app.example",
        "host=app.example&state=x&return_to=%2F",
        &format!("host=app.example&state={state}&return_to=x"),
    ] {
        let url = format!("https://auth.example/v1/host-login?{query}");
        assert_refused(&ada.open(&server, &url).await, 422, "invalid_fields");
    }
}

#[tokio::test]
async fn only_a_page_that_the_browser_opens_begins_or_ends_a_login() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    let url = ada.callback_url(&server, "%2F").await;
    for kind in ["iframe", "image", "empty", "script"] {
        let callback = at(APP, Request::get(split(&url).1)).header("sec-fetch-dest", kind);
        assert_refused(&ada.host.send(callback, &server).await, 403, "cross_site");
        let start = at(APP, Request::get("/.counterfoil/start")).header("sec-fetch-dest", kind);
        assert_refused(&start.send(&server).await, 403, "cross_site");
        let issue = format!("/v1/host-login?host={APP}&state={}&return_to=%2F", "A".repeat(22));
        let issue = Request::get(&issue).header("sec-fetch-dest", kind);
        assert_refused(&ada.issuer.send(issue, &server).await, 403, "cross_site");
    }
}

#[tokio::test]
async fn a_limited_access_token_opens_no_login_at_a_host() {
    let server = two_hosts().await;
    server.register("ada").await;
    let login = server.login("ada", "session").await;
    let form = json!({ "scope": "orders:read" });
    let exchanged = Request::post("/v1/token").bearer(text(&login, "session_token")).json(&form);
    let exchanged = exchanged.send(&server).await;
    let url = format!("/v1/host-login?host={APP}&state={}&return_to=%2F", "A".repeat(22));
    assert_eq!(exchanged.status, 200, "{exchanged:?}");
    let token = text(&exchanged.json(), "access_token").to_owned();
    let limited = Request::get(&url).header("cookie", format!("__Host-access={token}")).send(&server).await;
    assert!(limited.header("location").is_none_or(|url| !url.contains("code=")), "{limited:?}");
    // A bearer token is not read: a program needs no cookie of a host.
    let bearer = Request::get(&url).bearer(text(&login, "session_token")).send(&server).await;
    assert!(bearer.header("location").unwrap().starts_with("https://auth.example/login?"), "{bearer:?}");
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

/// A browser opens its tabs again: all of them begin a login at once.
#[tokio::test]
async fn several_tabs_log_in_at_once() {
    let server = two_hosts().await;
    server.register("ada").await;
    let mut ada = Person::logged_in(&server, "ada", "session").await;
    let mut urls = Vec::new();
    for target in ["%2F1", "%2F2", "%2F3"] {
        urls.push(ada.callback_url(&server, target).await);
    }
    for (url, target) in urls.iter().zip(["/1", "/2", "/3"]) {
        let done = ada.open(&server, url).await;
        let location = format!("https://{APP}{target}");
        assert_eq!((done.status, done.header("location")), (303, Some(location.as_str())));
    }
    // The user opens an earlier page again.
    assert_eq!(ada.open(&server, &urls[0]).await.status, 303);
}

#[tokio::test]
async fn only_a_proxy_that_names_a_guarded_host_is_served() {
    let server = two_hosts().await;
    for path in ["/.counterfoil/start", "/.counterfoil/callback"] {
        assert_refused(&Request::get(path).send(&server).await, 400, "proxy_headers");
        let twice = at(APP, Request::get(path)).header("x-forwarded-host", APP);
        assert_refused(&twice.send(&server).await, 400, "proxy_headers");
        let plain = Request::get(path).header("x-forwarded-host", APP).header("x-forwarded-proto", "http");
        assert_refused(&plain.send(&server).await, 400, "proxy_headers");
        for host in ["evil.example", "auth.example"] {
            assert_refused(&at(host, Request::get(path)).send(&server).await, 403, "host_not_guarded");
        }
    }
    let strangers = TestServer::with(|settings| {
        guard(settings);
        settings.forward_auth.proxies = vec!["192.0.2.1".parse().unwrap()];
    })
    .await;
    let refused = at(APP, Request::get("/.counterfoil/start")).send(&strangers).await;
    assert_refused(&refused, 403, "untrusted_proxy");
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

/// Calls the four routes for each documented status.
pub(super) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
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
