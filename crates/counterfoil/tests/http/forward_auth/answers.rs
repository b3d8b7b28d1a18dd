//! The answers to requests with and without a valid credential.

use counterfoil::operator::{RevocationRequest, Wait};

use super::*;
use crate::test_server::text;

const PROXIES: [&str; 5] = ["nginx", "caddy", "traefik", "haproxy", "apache"];

#[tokio::test]
async fn a_valid_credential_names_the_user_to_every_proxy() {
    let server = server().await;
    let token = session(&server, "ada", &["staff", "a,b"]).await;

    for proxy in PROXIES {
        let response = page(proxy).bearer(&token).send(&server).await;
        assert_allowed(&response);
        assert_eq!(response.header("remote-user"), Some("ada"));
        assert_eq!(response.header("remote-groups"), Some("staff,a%2Cb"));
        assert_eq!(response.header("remote-email"), Some(""), "it is not verified");
        assert_eq!(response.header("remote-assertion"), Some(""));
        assert!(!response.header("remote-subject").unwrap().is_empty());
        assert!(!response.header("remote-session").unwrap().is_empty());
    }
}

#[tokio::test]
async fn envoy_appends_the_path_of_the_client() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let ask = |method: &str, path: &str| {
        Request::new(method, path).header("x-forwarded-proto", "https").bearer(&token)
    };

    // The client of these tests names `localhost` as its host.
    for (method, path) in
        [("GET", "/v1/verify/envoy/-/orders?x=1"), ("DELETE", "/v1/verify/envoy/-//a/../b;c")]
    {
        assert_refused(&ask(method, path).send(&server).await, 403, "host_not_guarded");
    }
    let local = TestServer::with(|settings| {
        guard(settings);
        settings.forward_auth.hosts.push("localhost".parse().unwrap());
    })
    .await;
    let token = session(&local, "ada", &[]).await;
    for path in ["/-/", "/-/orders?x=1", "/-//", "/-/%2e%2e/a", "/-?", "/nologin/?role=admin"] {
        let request = Request::new("PATCH", &format!("/v1/verify/envoy{path}"));
        let response = request.header("x-forwarded-proto", "https").bearer(&token).send(&local).await;
        match path {
            "/-?" => assert_refused(&response, 400, "proxy_headers"),
            _ => assert_allowed(&response),
        }
    }
    for path in ["", "/-", "/role=admin/-/"] {
        let request = Request::get(&format!("/v1/verify/envoy{path}")).header("x-forwarded-proto", "https");
        let response = request.bearer(&token).send(&local).await;
        assert_ne!(response.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_query_is_the_clients_and_is_never_read() {
    let server = server().await;

    for query in ["?optional", "?role=", "?/optional", "?x=/v1/verify/nginx/optional"] {
        let response = page(&format!("caddy{query}")).send(&server).await;
        assert_refused(&response, 401, "credential_required");
    }
}

#[tokio::test]
async fn a_browser_without_a_credential_is_sent_to_the_login_page() {
    let server = server().await;
    let location = "https://auth.example/login?return_to=https%3A%2F%2Fauth.example%2Forders%3Fpage%3D2";
    let navigate = |path: &str| page(path).header("sec-fetch-mode", "navigate");

    for proxy in &PROXIES[1..] {
        let response = navigate(proxy).send(&server).await;
        assert_eq!((response.status, response.header("location")), (303, Some(location)));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(response.all("set-cookie").is_empty());
    }
    let nginx = navigate("nginx").send(&server).await;
    assert_refused(&nginx, 401, "credential_required");
    assert_eq!(nginx.header("location"), Some(location));
    // An expired or unknown one is no better than none.
    let unknown = navigate("caddy").bearer("cfs_unknown").send(&server).await;
    assert_eq!(unknown.status, 303);
}

#[tokio::test]
async fn no_other_request_is_redirected() {
    let server = server().await;
    let scripted = [
        page("caddy"),
        page("caddy").header("accept", "*/*"),
        page("caddy").header("sec-fetch-mode", "cors").header("accept", "text/html"),
        page("caddy/nologin").header("sec-fetch-mode", "navigate"),
        forwarded("caddy", "POST", "/").header("sec-fetch-mode", "navigate"),
    ];
    for request in scripted {
        let response = request.send(&server).await;
        assert_refused(&response, 401, "credential_required");
        assert_eq!(response.header("location"), None);
    }

    let without_page = TestServer::with(|settings| {
        guard(settings);
        settings.login_url = None;
    })
    .await;
    let response = page("nginx").header("sec-fetch-mode", "navigate").send(&without_page).await;
    assert_refused(&response, 401, "credential_required");
    assert_eq!(response.header("location"), None);
}

#[tokio::test]
async fn a_host_that_gets_the_cookie_has_no_login_of_its_own() {
    let ask = |path: &str| {
        Request::get(&format!("/v1/verify/{path}"))
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "app.example")
            .header("x-forwarded-uri", "/")
            .header("sec-fetch-mode", "navigate")
    };
    let server = server().await;
    let own = ask("caddy").send(&server).await;
    let start = "https://app.example/.counterfoil/start?return_to=%2F";
    assert_eq!((own.status, own.header("location")), (303, Some(start)));

    let shared = TestServer::with(|settings| {
        guard(settings);
        settings.issuer = "https://auth.app.example".parse().unwrap();
        settings.cookies = counterfoil::CookieOptions::new().domain("app.example");
    })
    .await;
    let response = ask("caddy").send(&shared).await;
    let location = "https://auth.example/login?return_to=https%3A%2F%2Fapp.example%2F";
    assert_eq!((response.status, response.header("location")), (303, Some(location)));
}

#[tokio::test]
async fn roles_scopes_and_the_age_of_the_login_are_required_by_the_path() {
    let server = server().await;
    let token = session(&server, "ada", &["staff"]).await;

    for (options, status) in [
        ("-", 200),
        ("role=staff", 200),
        ("role=admin&role=staff", 200),
        ("role=admin", 403),
        ("role=staff&scope=orders", 403),
        ("role=%73taff", 200),
        ("max_age=600", 200),
        ("max_age=0", 401),
    ] {
        let response = page(&format!("nginx/{options}")).bearer(&token).send(&server).await;
        assert_eq!(response.status, status, "{options}: {response:?}");
    }
    let old = page("caddy/max_age=0").bearer(&token).header("accept", "text/html").send(&server).await;
    assert_eq!(old.status, 303, "another login helps");
    let refused = page("caddy/role=admin").bearer(&token).header("accept", "text/html").send(&server).await;
    assert_refused(&refused, 403, "forbidden");
}

#[tokio::test]
async fn where_a_login_is_optional_a_request_passes_without_a_user() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;

    let anonymous = page("nginx/optional").send(&server).await;
    assert_allowed(&anonymous);
    assert!(IDENTITY.iter().all(|name| anonymous.header(name) == Some("")));
    let known = page("nginx/optional").bearer(&token).send(&server).await;
    assert_eq!(known.header("remote-user"), Some("ada"));
    assert_refused(&page("nginx/optional").bearer("cfs_x").send(&server).await, 401, "invalid_token");
}

#[tokio::test]
async fn a_revocation_is_seen_by_the_next_request() {
    let server = server().await;
    server.register("ada").await;
    for mode in ["session", "jwt", "hybrid"] {
        let login = server.login("ada", mode).await;
        let token = login["session_token"].as_str().or(login["access_token"].as_str()).unwrap().to_owned();
        let ask = async || page("nginx").bearer(&token).send(&server).await;
        assert_allowed(&ask().await);

        let subject = format!("session:{}", text(&login["session"], "id"));
        let request = RevocationRequest { subject, reason: None, wait: Wait::None };
        server.app.administer(Command::Revoke(request)).await.unwrap();

        assert_refused(&ask().await, 401, "invalid_token");
    }
}

#[tokio::test]
async fn no_request_passes_while_the_store_is_closed() {
    let server = server().await;
    server.register("ada").await;
    let [first, second] = [server.login("ada", "session").await, server.login("ada", "jwt").await];
    // The cache answers for a session that it knows; this one it does not.
    server.app.close().await.unwrap();

    for token in [text(&first, "session_token"), text(&second, "access_token")] {
        for options in ["-", "optional"] {
            let response = page(&format!("nginx/{options}")).bearer(token).send(&server).await;
            assert_refused(&response, 503, "unavailable");
            assert!(response.header("retry-after").is_some());
        }
    }
}

#[tokio::test]
async fn every_method_of_the_proxy_is_answered_but_trace() {
    let server = server().await;
    let token = session(&server, "ada", &[]).await;
    let ask = |method: &str| {
        let asked = page("caddy").bearer(&token);
        Request { method: method.to_owned(), ..asked }
    };
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        assert_allowed(&ask(method).send(&server).await);
    }
    assert_eq!(ask("TRACE").send(&server).await.status, 405);
    for path in ["/v1/verify", "/v1/verify/", "/v1/verify/squid", "/v1/verify/NGINX", "/v1/verify/nginx/-/x"]
    {
        assert_eq!(Request::get(path).bearer(&token).send(&server).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn one_client_has_a_share_of_its_own() {
    let server = TestServer::with(|settings| {
        guard(settings);
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.forward_auth.per_ip = RateLimit { max: 3, window: Duration::from_secs(3600) };
    })
    .await;
    let token = session(&server, "ada", &[]).await;
    let ask = |ip: &str| page("nginx").bearer(&token).header("x-forwarded-for", ip);

    for _ in 0..3 {
        assert_allowed(&ask("192.0.2.1").send(&server).await);
    }
    assert_refused(&ask("192.0.2.1").send(&server).await, 429, "too_many_requests");
    assert_allowed(&ask("192.0.2.2").send(&server).await);
}
