//! A client that names another guarded host than the one that it reaches, and has a login there.

use counterfoil_test_support::ProxyKind;

use crate::client::{Request, Response};
use crate::curl::{Answer, Curl, HOST, OTHER_HOST};
use crate::guarded_site::GuardedSite;
use crate::kind::status_of_unknown_hosts;
use crate::raw_request::RawRequest;
use crate::test_server::TestServer;

/// The name of the cookie at guarded hosts.
const COOKIE: &str = "__Host-forward";

/// Everything by which a client can name a host, with a login that is valid there.
pub(crate) async fn no_login_at_another_host_reaches_the_application(site: &GuardedSite, kind: ProxyKind) {
    let session = site.log_in("bob", &["staff"]).await;
    let own = format!("{HOST}:{}", site.address.port());
    let login = format!("{COOKIE}={}", host_token(&site.server, OTHER_HOST, &session).await);
    assert_eq!(status_at(&site.server, OTHER_HOST, &login).await, 200, "it is one at its own host");
    assert_eq!(status_at(&site.server, &own, &login).await, 401, "and at no other");

    for path in ["/orders", "/.counterfoil/start?return_to=%2Forders", "/v1/me"] {
        let request = RawRequest::get(path).line("Host", OTHER_HOST).line("Cookie", &login);
        let answer = site.refused_host(&request).await.unwrap();
        assert_eq!(answer.status, status_of_unknown_hosts(kind), "{request:?}: {answer:?}");
    }
    for request in every_naming(&own) {
        site.refused_host(&request.line("Cookie", &login)).await;
    }
    // A proxy that speaks HTTP/2 reads the host from `:authority`.
    let before = site.application.requests();
    let answer = Curl::get("/orders").http2().header("Host", OTHER_HOST).header("Cookie", &login);
    let answer = answer.send(site.address).await;
    assert_eq!(answer.status, status_of_unknown_hosts(kind), "{answer:?}");
    assert_eq!(site.application.requests(), before);

    own_spellings_pass(site, kind, &session).await;
}

/// Requests that name the other host, alone or beside that of the proxy.
fn every_naming(own: &str) -> Vec<RawRequest> {
    let host = OTHER_HOST;
    let port = own.rsplit_once(':').unwrap().1;
    let get = || RawRequest::get("/orders");
    let absolute = |authority: &str| RawRequest::get(&format!("https://{authority}/orders"));
    vec![
        get().line("Host", &host.to_uppercase()),
        get().line("Host", &format!("{host}.")),
        get().line("Host", &format!("{host}:443")),
        get().line("Host", &format!("{host}:{port}")),
        get().line("Host", own).line("Host", host),
        get().line("Host", host).line("Host", own),
        get().line("Host", &format!("{own},{host}")),
        get().line("Host", &format!("{host},{own}")),
        get().line("Host", own).line("X-Forwarded-Host", host),
        get().line("Host", own).line("X-Forwarded-Host", host).line("X_Forwarded_Host", host),
        get().line("Host", own).line("Forwarded", &format!("host={host}")),
        absolute(host).line("Host", host),
        absolute(host).line("Host", own),
        absolute(own).line("Host", host),
        absolute(&format!("{own}@{host}")).line("Host", own),
        absolute(host),
        get(),
    ]
}

/// The conditions do not refuse what browsers and other clients may send.
async fn own_spellings_pass(site: &GuardedSite, kind: ProxyKind, session: &str) {
    let own = &format!("{HOST}:{}", site.address.port());
    let login = format!("{COOKIE}={}", host_token(&site.server, own, session).await);
    let get = || RawRequest::get("/orders");
    let mut requests = vec![get().line("Host", own), get().line("Host", &own.to_uppercase())];
    if kind != ProxyKind::Apache {
        requests.push(RawRequest::get(&format!("https://{own}/orders")).line("Host", own));
    }
    for request in requests {
        // It reads no other host there either.
        let request = request.line("X-Forwarded-Host", OTHER_HOST);
        let answer = request.clone().line("Cookie", &login).send(site.address).await.unwrap();
        assert_eq!(answer.status, 200, "{request:?}: {answer:?}\n{}", site.proxy.log());
        assert_eq!(answer.application_reads("Remote-User"), ["bob"], "{request:?}");
        let named = [answer.application_reads("Host"), answer.application_reads("X-Forwarded-Host")].concat();
        assert!(named.iter().all(|host| host.eq_ignore_ascii_case(own)), "{request:?}: {named:?}");
    }
}

impl GuardedSite {
    /// Sends a request that must reach neither the application nor the login of another host.
    async fn refused_host(&self, request: &RawRequest) -> Option<Answer> {
        let before = self.application.requests();
        let answer = request.send(self.address).await;
        assert_eq!(self.application.requests(), before, "{request:?} reached the application: {answer:?}");
        let headers = answer.iter().flat_map(|answer| &answer.headers);
        for (name, value) in headers {
            assert!(!name.starts_with("remote-") && name != "set-cookie", "{request:?}: {answer:?}");
            assert!(!value.contains("host=other.example"), "{request:?}: {answer:?}");
        }
        answer
    }
}

/// The answer to the proxy of this host about a request with these cookies.
async fn status_at(server: &TestServer, host: &str, cookies: &str) -> u16 {
    let request = at(host, "/v1/verify/caddy").header("x-forwarded-method", "GET");
    request.header("x-forwarded-uri", "/orders").header("cookie", cookies).send(server).await.status
}

/// The token of a login at a guarded host, by a session at the issuer.
async fn host_token(server: &TestServer, host: &str, session: &str) -> String {
    let origin = format!("https://{host}");
    let started = at(host, "/.counterfoil/start?return_to=%2F").send(server).await;
    let state = cookie(&started, "__Host-forward-state");
    let path = started.header("location").unwrap().replace("https://auth.example", "");
    let issued = Request::get(&path).header("cookie", format!("__Host-session={session}"));
    let callback = issued.send(server).await.header("location").unwrap().replace(&origin, "");
    let done = at(host, &callback).header("cookie", format!("__Host-forward-state={state}"));
    cookie(&done.send(server).await, COOKIE)
}

/// The value of a cookie that the response sets.
fn cookie(response: &Response, name: &str) -> String {
    let prefix = format!("{name}=");
    let line = response.all("set-cookie").into_iter().find_map(|line| line.strip_prefix(&prefix)).unwrap();
    line.split(';').next().unwrap().to_owned()
}

/// A request that the proxy of this host forwards.
fn at(host: &str, path: &str) -> Request {
    Request::get(path).header("x-forwarded-host", host).header("x-forwarded-proto", "https")
}
