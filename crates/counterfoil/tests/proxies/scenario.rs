//! What every proxy must do, with one site each.

use std::time::{Duration, Instant};

use counterfoil::operator::Command;
use counterfoil_test_support::ProxyKind;

use crate::client::Request;
use crate::curl::{Answer, Curl, HOST};
use crate::guarded_site::GuardedSite;
use crate::kind::{keeps_connections, removes_cookies};
use crate::other_hosts::no_login_at_another_host_reaches_the_application;

/// The names that an application could take for those of a user.
const IDENTITY: [&str; 7] = [
    "Remote-User",
    "Remote-Email",
    "Remote-Groups",
    "Remote-Subject",
    "Remote-External-Id",
    "Remote-Session",
    "Remote-Assertion",
];

/// Runs everything against one proxy.
pub(crate) async fn check(kind: ProxyKind) {
    let Some(site) = GuardedSite::start(kind, "-").await else { return };
    let token = site.log_in("ada", &["staff"]).await;

    a_request_without_a_credential_does_not_pass(&site).await;
    the_application_learns_the_user(&site, kind, &token).await;
    a_check_opens_no_connection(&site, kind, &token).await;
    no_header_of_a_client_names_a_user(&site, &token).await;
    no_header_of_a_client_describes_the_request(&site, &token).await;
    no_other_spelling_of_a_path_passes(&site, &token).await;
    as_many_headers_as_a_proxy_accepts_open_no_gate(&site).await;
    a_page_of_another_site_is_refused(&site, &token).await;
    the_routes_of_counterfoil_pass(&site).await;
    a_revocation_is_seen_by_the_next_request(&site).await;
    a_role_is_required(kind).await;
    with_an_issuer_at_another_host(kind).await;
    nothing_passes_without_counterfoil(site, &token).await;
}

impl GuardedSite {
    async fn send(&self, request: Curl) -> Answer {
        request.send(self.address).await
    }

    /// Sends a request that must not reach the application.
    async fn refused(&self, request: Curl, status: u16) -> Answer {
        let before = self.application.requests();
        let answer = self.send(request.clone()).await;
        assert_eq!(answer.status, status, "{request:?}: {answer:?}\n{}", self.proxy.log());
        assert_eq!(self.application.requests(), before, "{request:?} reached the application");
        let names = answer.headers.iter().map(|(name, _)| name.as_str());
        assert!(names.clone().all(|name| !name.starts_with("remote-")), "{answer:?}");
        answer
    }

    /// Sends a request that must reach the application.
    async fn passed(&self, request: Curl) -> Answer {
        let answer = self.send(request.clone()).await;
        assert_eq!(answer.status, 200, "{request:?}: {answer:?}\n{}", self.proxy.log());
        let names = answer.headers.iter().map(|(name, _)| name.as_str());
        assert!(names.clone().all(|name| !name.starts_with("remote-")), "{answer:?}");
        answer
    }
}

async fn a_request_without_a_credential_does_not_pass(site: &GuardedSite) {
    let answer = site.refused(Curl::get("/orders"), 401).await;
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"), "{answer:?}");
    assert_eq!(answer.header("location"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");

    site.refused(Curl::get("/orders").bearer("cfs_unknown"), 401).await;
    site.refused(Curl::get("/orders").cookie("cfs_unknown"), 401).await;
    let browser =
        Curl::get("/orders?page=2").header("Sec-Fetch-Mode", "navigate").header("Accept", "text/html");
    let answer = site.refused(browser, 303).await;
    let return_to = format!("{}/orders?page=2", site.origin());
    let return_to = return_to.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F").replace('=', "%3D");
    assert_eq!(
        answer.header("location"),
        Some(format!("{}/login?return_to={return_to}", site.origin()).as_str())
    );
}

async fn the_application_learns_the_user(site: &GuardedSite, kind: ProxyKind, token: &str) {
    let answer = site.passed(Curl::get("/orders?page=2").cookie(token)).await;
    assert_eq!(answer.application_reads("Remote-User"), ["ada"]);
    assert_eq!(answer.application_reads("Remote-Groups"), ["staff"]);
    assert_eq!(answer.application_reads("Remote-Subject").len(), 1);
    assert_eq!(answer.application_reads("Remote-Session").len(), 1);
    assert!(answer.application_reads("Remote-Email").is_empty());

    let cookies = answer.application_reads("Cookie").join("; ");
    assert!(cookies.contains("theme=dark") && cookies.contains("lang=en"), "{cookies}");
    assert_eq!(cookies.contains(token), !removes_cookies(kind), "{cookies}");
}

async fn a_check_opens_no_connection(site: &GuardedSite, kind: ProxyKind, token: &str) {
    let before = site.connections.opened();
    for _ in 0..12 {
        site.passed(Curl::get("/orders").cookie(token)).await;
    }
    let opened = site.connections.opened() - before;
    // On a machine that stands still for seconds one ends meanwhile.
    assert_eq!(opened <= 3, keeps_connections(kind), "{opened} connections for 12 requests");
}

async fn no_header_of_a_client_names_a_user(site: &GuardedSite, token: &str) {
    let forge = |request: Curl| {
        let spellings = IDENTITY.iter().flat_map(|name| {
            [(*name).to_owned(), name.to_lowercase(), name.replace('-', "_"), name.replace('-', ".")]
        });
        spellings.fold(request, |request, name| request.header(&name, "admin"))
    };

    site.refused(forge(Curl::get("/orders")), 401).await;
    let answer = site.passed(forge(Curl::get("/orders").bearer(token))).await;
    for name in IDENTITY {
        let values = answer.application_reads(name);
        assert!(values.len() <= 1 && values.iter().all(|value| value != "admin"), "{name}: {values:?}");
    }
    assert_eq!(answer.application_reads("Remote-User"), ["ada"]);
    assert!(answer.application_reads("Remote-Email").is_empty(), "the user has none");
    assert!(answer.application_reads("Remote-Assertion").is_empty(), "none is configured");
}

/// What the proxy adds to its question may be too much then, and a proxy that cannot ask must refuse.
async fn as_many_headers_as_a_proxy_accepts_open_no_gate(site: &GuardedSite) {
    for count in [60, 90, 94, 95, 96, 97, 98, 99, 100] {
        let before = site.application.requests();
        let request = (0..count)
            .fold(Curl::get("/orders"), |request, number| request.header(&format!("X-{number}"), "a"));
        let answer = request.try_send(site.address).await;
        assert!(answer.is_none_or(|answer| answer.status >= 400), "{count} headers");
        assert_eq!(site.application.requests(), before, "{count} headers reached the application");
    }
    let lines = (0..90).fold(Curl::get("/orders"), |request, _| request.header("Cookie", "a=b"));
    let before = site.application.requests();
    let answer = lines.try_send(site.address).await;
    assert!(answer.is_none_or(|answer| answer.status >= 400), "90 cookies");
    assert_eq!(site.application.requests(), before, "90 cookies reached the application");
}

/// The proxy replaces them, so that they neither change the decision nor prevent it.
async fn no_header_of_a_client_describes_the_request(site: &GuardedSite, token: &str) {
    let forge = |request: Curl| {
        let headers = [
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", "other.example"),
            ("X-Forwarded-Uri", "/public"),
            ("X-Original-URI", "/public"),
            ("X-Forwarded-For", "192.0.2.1"),
            ("Forwarded", "for=192.0.2.1;host=other.example"),
        ];
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    };

    site.passed(forge(Curl::get("/orders").cookie(token))).await;
    site.refused(forge(Curl::get("/orders")), 401).await;
    // The client's method would make it a read.
    let write = Curl::new("POST", "/orders").cookie(token).header("Origin", "https://evil.example");
    site.refused(forge(write), 403).await;
}

async fn no_other_spelling_of_a_path_passes(site: &GuardedSite, token: &str) {
    let before = site.application.requests();
    for path in [
        "//orders",
        "/%2e%2e/orders",
        "/v1/../orders",
        "/v1/%2e%2e/orders",
        "/v1/%2E%2E/orders",
        "/v1/..%2forders",
        "/orders;a=b",
        "/v1/..;/orders",
        "/v1;/../orders",
        "/.well-known/../orders",
        "/oauth/./../orders",
        "/v1//..//../orders",
        "/V1/orders",
        "/openapi.json/../orders",
        "/login/../orders",
        "/orders?/v1/",
        "/v1%2f..%2forders",
        "/v1\\..\\orders",
    ] {
        let answer = site.send(Curl::get(path)).await;
        assert_ne!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(site.application.requests(), before, "{path} reached the application");
    }
    for path in [
        "/v1/verify/nginx",
        "/v1/verify/nginx/optional",
        "/v1/verify",
        "/v1//verify/nginx",
        "/v1/./verify/nginx",
        "/v1/x/../verify/nginx",
        "/v1/%76erify/nginx",
        "//v1/verify/nginx",
        "/v1/verify%2fnginx",
        "/v1/verify/envoy/-/",
    ] {
        // Everything that Counterfoil requires of a proxy.
        let host = site.origin().trim_start_matches("https://");
        let names = ["Method", "Proto", "Host", "Uri"].into_iter().zip(["GET", "https", host, "/"]);
        let direct = names.fold(Curl::get(path).bearer(token), |request, (name, value)| {
            request.header(&format!("X-Forwarded-{name}"), value)
        });
        let answer = site.send(direct).await;
        let names = answer.headers.iter().map(|(name, _)| name.as_str());
        assert!(names.clone().all(|name| !name.starts_with("remote-")), "{path}: {answer:?}");
    }
}

async fn a_page_of_another_site_is_refused(site: &GuardedSite, token: &str) {
    let write = || Curl::new("POST", "/orders").cookie(token);
    site.refused(write().header("Origin", "https://evil.example"), 403).await;
    site.refused(write().header("Sec-Fetch-Site", "cross-site"), 403).await;
    site.passed(write().header("Origin", site.origin())).await;

    let handshake = |origin: &str| {
        let request = Curl::get("/socket").cookie(token).header("Origin", origin);
        let request = request.header("Connection", "Upgrade").header("Upgrade", "websocket");
        request.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    site.refused(handshake("https://evil.example"), 403).await;
    let before = site.application.requests();
    site.send(handshake(site.origin())).await;
    assert_eq!(site.application.requests(), before + 1, "a handshake of an own page reaches the application");
}

async fn the_routes_of_counterfoil_pass(site: &GuardedSite) {
    let before = site.application.requests();
    for path in ["/.well-known/jwks.json", "/openapi.json", "/problems/invalid-token"] {
        assert_eq!(site.send(Curl::get(path)).await.status, 200, "{path}");
    }
    assert_eq!(site.send(Curl::get("/v1/me")).await.status, 401);
    assert_eq!(site.application.requests(), before);
}

async fn a_revocation_is_seen_by_the_next_request(site: &GuardedSite) {
    let token = site.log_in("bob", &[]).await;
    let ask = || Curl::get("/orders").cookie(&token);
    site.passed(ask()).await;
    site.passed(ask()).await;

    let logout = Request::post("/v1/logout").bearer(&token).json(&serde_json::json!({}));
    assert_eq!(logout.send(&site.server).await.status, 204);

    site.refused(ask(), 401).await;
}

async fn a_role_is_required(kind: ProxyKind) {
    let Some(site) = GuardedSite::start(kind, "role=admin").await else { return };
    let [other, admin] = [site.log_in("ada", &["staff"]).await, site.log_in("eve", &["admin"]).await];
    // The last administrator keeps the role.
    site.log_in("mia", &["admin"]).await;

    site.refused(Curl::get("/orders").cookie(&other), 403).await;
    let answer = site.passed(Curl::get("/orders").cookie(&admin)).await;
    assert_eq!(answer.application_reads("Remote-Groups"), ["admin"]);

    let change = counterfoil::operator::UserChangeRequest { roles: Some(vec![]), ..Default::default() };
    site.server.app.administer(Command::UserChange { user: "eve".to_owned(), change }).await.unwrap();
    site.refused(Curl::get("/orders").cookie(&admin), 403).await;
}

/// The issuer is at another host, and the proxy forwards `/.counterfoil/` of its own.
async fn with_an_issuer_at_another_host(kind: ProxyKind) {
    let Some(site) = GuardedSite::start_for_other_issuer(kind, "https://auth.example").await else { return };
    a_browser_logs_in_at_the_host_of_the_proxy(&site, kind).await;
    no_login_at_another_host_reaches_the_application(&site, kind).await;
}

async fn a_browser_logs_in_at_the_host_of_the_proxy(site: &GuardedSite, kind: ProxyKind) {
    let session = site.log_in("ada", &["staff"]).await;
    let origin = format!("https://{HOST}:{}", site.address.port());
    let path_of = |answer: &Answer| answer.header("location").unwrap().replace(&origin, "");
    let cookie = |answer: &Answer, name: &str| {
        let lines = answer.headers.iter().filter(|(found, _)| found == "set-cookie");
        let mut pairs = lines.map(|(_, line)| line.split(';').next().unwrap());
        pairs.find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap().to_owned()
    };
    // A client does not choose the host.
    let forge = |request: Curl| {
        request.header("X-Forwarded-Host", "other.example").header("X-Forwarded-Proto", "http")
    };

    let browser = Curl::get("/orders?page=2").header("Sec-Fetch-Mode", "navigate");
    let start = path_of(&site.refused(browser, 303).await);
    assert_eq!(start, "/.counterfoil/start?return_to=%2Forders%3Fpage%3D2");
    let started = site.refused(forge(Curl::get(&start)), 303).await;
    let state = cookie(&started, "__Host-forward-state");
    let issuer = started.header("location").unwrap().replace("https://auth.example", "");
    let issued = Request::get(&issuer).header("cookie", format!("__Host-session={session}"));
    let issued = issued.send(&site.server).await;
    let callback = issued.header("location").unwrap().replace(&origin, "");

    site.refused(Curl::get(&callback), 403).await;
    let kept = format!("__Host-forward-state={state}");
    let done = site.refused(forge(Curl::get(&callback)).header("Cookie", &kept), 303).await;
    assert_eq!(path_of(&done), "/orders?page=2");
    site.refused(Curl::get(&callback).header("Cookie", &kept), 403).await;
    let token = cookie(&done, "__Host-forward");
    let line = format!("theme=dark; __Host-forward={token}; lang=en");
    let ask = || Curl::get("/orders").header("Cookie", &line);
    let passed = site.passed(ask()).await;
    assert_eq!(passed.application_reads("Remote-User"), ["ada"]);
    let cookies = passed.application_reads("Cookie").join("; ");
    assert!(cookies.contains("theme=dark") && cookies.contains("lang=en"), "{cookies}");
    assert_eq!(cookies.contains(&token), !removes_cookies(kind), "{cookies}");

    let logout = || Curl::new("POST", "/.counterfoil/logout").header("Cookie", &line);
    site.refused(logout().header("Origin", "https://evil.example"), 403).await;
    site.passed(ask()).await;
    site.refused(logout().header("Origin", &origin), 204).await;
    site.refused(ask(), 401).await;
}

/// The last step: the server stops.
async fn nothing_passes_without_counterfoil(site: GuardedSite, token: &str) {
    let GuardedSite { server, connections, application, address, proxy } = site;
    drop((server, connections));
    let started = Instant::now();
    let ask = || async { Curl::get("/orders").cookie(token).send(address).await };
    // Requests pass until it has stopped.
    while ask().await.status == 200 {
        assert!(started.elapsed() < Duration::from_secs(15), "{}", proxy.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = application.requests();
    for request in
        [Curl::get("/orders").cookie(token), Curl::get("/orders").bearer(token), Curl::get("/orders")]
    {
        let answer = request.send(address).await;
        assert!((500..=503).contains(&answer.status), "{request:?}: {answer:?}\n{}", proxy.log());
    }
    assert_eq!(application.requests(), before, "a request passed while Counterfoil was down");
}
