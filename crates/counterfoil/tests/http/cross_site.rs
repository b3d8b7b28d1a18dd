//! Cross-site writes on real routes: the published table, and its twin with a cookie.

use serde_json::Value;

use crate::client::{Answer, Request};
use crate::site::Site;

/// What the table calls our own host, and the one that is trusted.
async fn site() -> Site {
    Site::with(|settings| {
        settings.issuer = "https://example.com".parse().unwrap();
        settings.trusted_origins = vec!["https://trusted.example".parse().unwrap()];
    })
    .await
}

fn is_cross_site(answer: &Answer) -> bool {
    answer.status == 403 && (answer.body.is_empty() || answer.problem() == "cross_site")
}

fn request_of(case: &Value, path: &str) -> Request {
    let method = case["method"].as_str().unwrap_or("POST");
    let mut request = Request::new(method, path);
    for (member, name) in [("origin", "origin"), ("sec_fetch_site", "sec-fetch-site")] {
        let value = case[member].as_str().unwrap();
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    request
}

#[tokio::test]
async fn the_published_table_holds_on_our_routes_and_more_strictly_with_a_cookie() {
    let Some(folder) = std::env::var_os("COUNTERFOIL_VECTORS").map(std::path::PathBuf::from) else {
        counterfoil_test_support::skip("COUNTERFOIL_VECTORS is not set");
        return;
    };
    let table = std::fs::read(folder.join("csrf/cross-origin-protection-cases.json")).unwrap();
    let table: Value = serde_json::from_slice(&table).unwrap();
    let cases: Vec<&Value> = ["sec_fetch_site", "trusted_origin=https://trusted.example (POST)"]
        .iter()
        .flat_map(|name| table[*name].as_array().unwrap())
        .collect();
    assert_eq!(cases.len(), 16);
    let site = site().await;
    let always = ["/v1/register", "/v1/login", "/v1/refresh", "/v1/logout"];
    let with_cookie = ["/v1/token", "/v1/password", "/v1/me", "/v1/session/data", "/v1/sessions"];
    let mut ran = 0;
    for case in &cases {
        let expected = case["status"] == 403;
        let says_nothing = case["origin"] == "" && case["sec_fetch_site"] == "";
        for path in always {
            assert_eq!(is_cross_site(&request_of(case, path).send(&site).await), expected, "{path} {case}");
        }
        for path in always.iter().chain(&with_cookie) {
            let twin =
                request_of(case, path).header("cookie", "a=b; __Host-refresh=whatever").send(&site).await;
            let is_safe = matches!(case["method"].as_str(), Some("GET" | "HEAD" | "OPTIONS"));
            // Here we are stricter than the table: without either header a cookie of ours is not taken.
            let expected = expected || (says_nothing && !is_safe);
            assert_eq!(is_cross_site(&twin), expected, "{path} {case}");
        }
        for path in with_cookie {
            assert!(
                !is_cross_site(&request_of(case, path).send(&site).await),
                "{path} {case}: no cookie, no harm"
            );
        }
        ran += 18;
    }
    println!("{} cases of the table on real routes: {ran} requests", cases.len());
}

#[tokio::test]
async fn the_judgement_comes_before_the_body_whatever_its_type() {
    let site = site().await;
    for kind in
        ["text/plain", "TEXT/PLAIN", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"]
    {
        for path in ["/v1/login", "/v1/password"] {
            let request = Request::post(path)
                .header("content-type", kind)
                .header("content-length", "1000000000")
                .header("cookie", "__Host-session=cfs_x")
                .header("origin", "https://example.com.attacker.example");
            assert!(is_cross_site(&request.send(&site).await), "{kind} {path}");
        }
    }
}

#[tokio::test]
async fn what_looks_like_our_origin_is_not() {
    let site = site().await;
    for origin in [
        "null",
        "http://example.com",
        "https://example.com:8443",
        "https://example.com/",
        "https://EXAMPLE.com",
        "https://example.com https://example.com",
        "https://xexample.com",
        "example.com",
        "https://trusted.example.",
        "https://sub.trusted.example",
        "",
        " ",
    ] {
        let answer = Request::post("/v1/login").header("origin", origin).send(&site).await;
        assert!(is_cross_site(&answer), "{origin:?} {answer:?}");
    }
    let twice = Request::post("/v1/login")
        .header("origin", "https://example.com")
        .header("origin", "https://example.com");
    assert!(is_cross_site(&twice.send(&site).await));
}

#[tokio::test]
async fn a_preflight_grants_nothing() {
    let site = site().await;
    let preflight = Request::new("OPTIONS", "/v1/login")
        .header("origin", "https://trusted.example")
        .header("access-control-request-method", "POST");

    assert_eq!(preflight.send(&site).await.status, 405);
}
