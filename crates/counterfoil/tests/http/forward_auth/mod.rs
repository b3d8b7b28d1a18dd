//! Forward authentication over HTTP: what a proxy gets for each request, and what it can never be made to get.

mod answers;
mod assertion;
mod credentials;
mod host_login;
mod malformed;
mod sites;
mod values;

use std::collections::BTreeSet;
use std::time::Duration;

use counterfoil::Settings;
use counterfoil::operator::{Command, UserChangeRequest};
use counterfoil_core::services::login_rate_limiter::RateLimit;

use crate::client::{Request, Response};
use crate::test_server::TestServer;

pub(crate) use host_login::Person;

/// The names of the headers that every 200 has.
const IDENTITY: [&str; 7] = [
    "remote-user",
    "remote-email",
    "remote-groups",
    "remote-subject",
    "remote-external-id",
    "remote-session",
    "remote-assertion",
];

/// A server that guards `app.example` too, and has a login page.
async fn server() -> TestServer {
    TestServer::with(guard).await
}

pub(crate) fn guard(settings: &mut Settings) {
    settings.issuer = "https://auth.example".parse().unwrap();
    settings.login_url = Some("https://auth.example/login".parse().unwrap());
    settings.forward_auth.hosts = vec!["app.example".parse().unwrap()];
}

/// What nginx asks about a request for the target at the host of the issuer.
fn forwarded(path: &str, method: &str, target: &str) -> Request {
    Request::get(&format!("/v1/verify/{path}"))
        .header("x-forwarded-method", method)
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "auth.example")
        .header("x-forwarded-uri", target)
}

/// What a proxy asks about a page.
fn page(path: &str) -> Request {
    forwarded(path, "GET", "/orders?page=2")
}

/// A session token of a new user with these roles.
async fn session(server: &TestServer, name: &str, roles: &[&str]) -> String {
    server.register(name).await;
    if !roles.is_empty() {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let change = UserChangeRequest { roles: Some(roles), ..Default::default() };
        server.app.administer(Command::UserChange { user: name.to_owned(), change }).await.unwrap();
    }
    let login = server.login(name, "session").await;
    crate::test_server::text(&login, "session_token").to_owned()
}

/// Asserts that the request passes, with each of the headers once.
fn assert_allowed(response: &Response) {
    assert_eq!(response.status, 200, "{response:?}");
    for name in IDENTITY {
        assert_eq!(response.all(name).len(), 1, "{name}: {response:?}");
    }
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.all("set-cookie").is_empty() && response.body.is_empty());
}

/// Asserts that it does not, and that nothing names a user.
fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.problem().as_str()), (status, code), "{response:?}");
    assert!(IDENTITY.iter().all(|name| response.all(name).is_empty()), "{response:?}");
    assert!(response.all("set-cookie").is_empty());
}

/// Calls both routes for each documented status.
pub(crate) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.forward_auth.per_ip = RateLimit { max: 1, window: Duration::from_secs(900) };
    })
    .await;
    let token = session(&server, "ada", &[]).await;
    let login = server.login("ada", "jwt").await;
    for (template, options) in [("/v1/verify/{proxy}", ""), ("/v1/verify/{proxy}/{options}", "/-")] {
        let path = format!("caddy{options}");
        // The second one is above the limit.
        let client = if options.is_empty() { "192.0.2.1" } else { "192.0.2.2" };
        let limited = || page(&path).bearer(&token).header("x-forwarded-for", client);
        let requests = [
            page(&path).bearer(&token),
            page(&path).header("sec-fetch-mode", "navigate"),
            Request::get(&format!("/v1/verify/{path}")),
            page(&path),
            page(&path).header("cookie", "__Host-session=x").header("sec-websocket-key", "x"),
            Request::get(&format!("/v1/verify/squid{options}")),
            limited(),
            limited(),
        ];
        for request in requests {
            let status = request.send(&server).await.status;
            seen.insert((template.to_owned(), "get".to_owned(), status.to_string()));
        }
    }
    server.app.close().await.unwrap();
    for (template, path) in [("/v1/verify/{proxy}", "caddy"), ("/v1/verify/{proxy}/{options}", "caddy/-")] {
        let request = page(path).bearer(crate::test_server::text(&login, "access_token"));
        let status = request.send(&server).await.status;
        seen.insert((template.to_owned(), "get".to_owned(), status.to_string()));
    }
    host_login::call_every_route(seen).await;
}
