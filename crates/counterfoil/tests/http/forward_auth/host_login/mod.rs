//! The login at a host that does not get the cookies of the issuer, as browsers and attackers go through it.

mod codes;
mod ends;
mod statuses;
mod tokens;

use serde_json::json;

use super::*;
use crate::test_server::{Browser, text};

pub(super) use statuses::call_every_route;

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
