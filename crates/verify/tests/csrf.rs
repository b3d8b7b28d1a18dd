//! Cross-site writes: the cases of Go's `CrossOriginProtection`, each without and with a cookie.
#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use counterfoil_verify::{CookieNames, CsrfLayer, Origin, OriginPolicy, check_csrf};

const SITE: &str = "sec-fetch-site";

fn own() -> OriginPolicy {
    OriginPolicy::new("https://example.com".parse().unwrap())
}

fn trusting() -> OriginPolicy {
    own().trust("https://trusted.example".parse().unwrap())
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// Whether a write with these headers passes, with or without a cookie.
fn passes(lines: &[(&'static str, &str)], policy: &OriginPolicy, has_cookie: bool) -> bool {
    check_csrf(&Method::POST, &headers(lines), policy, has_cookie).is_ok()
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default = "post")]
    method: String,
    sec_fetch_site: String,
    origin: String,
    status: u16,
}

fn post() -> String {
    "POST".into()
}

#[derive(Deserialize)]
struct ConfiguredOrigin {
    origin: String,
    ok: bool,
}

#[derive(Deserialize)]
struct Vectors {
    sec_fetch_site: Vec<Case>,
    #[serde(rename = "acceptable_trusted_origin_config")]
    configured: Vec<ConfiguredOrigin>,
    #[serde(flatten)]
    others: HashMap<String, serde_json::Value>,
}

fn vectors() -> Option<Vectors> {
    let Some(folder) = std::env::var_os("COUNTERFOIL_VECTORS") else {
        counterfoil_test_support::skip("COUNTERFOIL_VECTORS is not set");
        return None;
    };
    let file = Path::new(&folder).join("csrf/cross-origin-protection-cases.json");
    Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

impl Case {
    fn passes_as_expected(&self, policy: &OriginPolicy, has_cookie: bool) -> bool {
        let method = self.method.parse().unwrap();
        let request_headers =
            headers(&[("origin", self.origin.as_str()), (SITE, self.sec_fetch_site.as_str())]);
        let passed = check_csrf(&method, &request_headers, policy, has_cookie).is_ok();
        passed == (self.status == 200)
    }

    /// A write without `Origin` and `Sec-Fetch-Site`: the only case in which a cookie makes a difference.
    fn has_no_site_headers(&self) -> bool {
        self.origin.is_empty() && self.sec_fetch_site.is_empty() && self.method == "POST"
    }
}

#[test]
fn gos_cross_origin_cases_pass_and_a_cookie_makes_one_case_stricter() {
    let Some(vectors) = vectors() else { return };
    let (_, trusted) = vectors.others.iter().find(|(name, _)| name.starts_with("trusted_origin=")).unwrap();
    let trusted: Vec<Case> = serde_json::from_value(trusted.clone()).unwrap();

    for case in &vectors.sec_fetch_site {
        assert!(case.passes_as_expected(&own(), false), "{}", case.name);
        assert_eq!(
            case.passes_as_expected(&own(), true),
            !case.has_no_site_headers(),
            "{} with a cookie",
            case.name
        );
    }
    for case in &trusted {
        assert!(
            case.passes_as_expected(&trusting(), false) && case.passes_as_expected(&trusting(), true),
            "{}",
            case.name
        );
    }
    for case in &vectors.configured {
        assert_eq!(case.origin.parse::<Origin>().is_ok(), case.ok, "{}", case.origin);
    }

    let without_headers = vectors.sec_fetch_site.iter().filter(|case| case.has_no_site_headers()).count();
    assert_eq!(without_headers, 1);
    println!(
        "csrf vectors: {} + {} cases, each with and without a cookie, {} configured origins",
        vectors.sec_fetch_site.len(),
        trusted.len(),
        vectors.configured.len()
    );
}

#[test]
fn a_trusted_origin_passes_whatever_sec_fetch_site_says() {
    let trusted = ("origin", "https://trusted.example");

    assert!(passes(&[trusted, (SITE, "cross-site")], &trusting(), true));
    assert!(!passes(&[trusted, (SITE, "cross-site")], &own(), true));
    assert!(!passes(&[("origin", "https://trusted.example.evil")], &trusting(), false));
}

#[test]
fn sec_fetch_site_takes_precedence_over_the_own_origin() {
    assert!(!passes(&[("origin", "https://example.com"), (SITE, "cross-site")], &own(), true));
    assert!(!passes(&[("origin", "https://example.com"), (SITE, "same-site")], &own(), true));
    // A form on an own page with `Referrer-Policy: no-referrer`.
    assert!(passes(&[("origin", "null"), (SITE, "same-origin")], &own(), true));
}

#[test]
fn a_malformed_sec_fetch_site_is_cross_site() {
    for site in ["Same-Origin", "same-origin, none", "same-origin;x", " ", "x"] {
        assert!(!passes(&[(SITE, site)], &own(), false), "{site}");
    }
}

#[test]
fn a_repeated_header_never_passes() {
    assert!(!passes(&[(SITE, "same-origin"), (SITE, "same-origin")], &own(), false));
    assert!(!passes(&[("origin", "https://example.com"), ("origin", "https://example.com")], &own(), false));
    let trusted = ("origin", "https://trusted.example");
    assert!(!passes(&[trusted, trusted], &trusting(), false));
}

#[test]
fn the_own_origin_is_compared_exactly() {
    for other in [
        "null",
        "http://example.com",
        "https://example.com:8443",
        "https://example.com/",
        "https://EXAMPLE.com",
        "https://sub.example.com",
        "https://example.com.evil",
        "https://example.com, https://example.com",
    ] {
        assert!(!passes(&[("origin", other)], &own(), false), "{other}");
    }
}

#[test]
fn every_method_except_the_safe_ones_is_a_write() {
    let request_headers = headers(&[(SITE, "cross-site")]);

    for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "PROPFIND", "get", "Get"] {
        let method = method.parse().unwrap();
        assert!(check_csrf(&method, &request_headers, &own(), true).is_err(), "{method}");
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(check_csrf(&method, &request_headers, &own(), true).is_ok(), "{method}");
    }
}

#[test]
fn a_handshake_with_a_cookie_is_checked_as_a_write() {
    for handshake in [("upgrade", "websocket"), ("accept", "text/event-stream")] {
        let check = |line, has_cookie| {
            check_csrf(&Method::GET, &headers(&[handshake, line]), &own(), has_cookie).is_ok()
        };
        assert!(!check((SITE, "same-site"), true) && check((SITE, "same-site"), false), "{handshake:?}");
        assert!(check((SITE, "same-origin"), true) && check(("origin", "https://example.com"), true));
        assert!(!check(("origin", "https://example.com:8443"), true) && !check(("x", "no origin"), true));
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_which_header_mends_it() {
    let refusal = |lines: &[(&'static str, &str)]| {
        let error = check_csrf(&Method::POST, &headers(lines), &trusting(), true).unwrap_err();
        (error.code(), error.to_string(), error.failure_reason().to_string())
    };
    let origin = |value| ("origin", value);
    let own_origin = "https://example.com";
    for (lines, code, told, logged) in [
        (&[][..], "origin_missing", "curl: -H 'Origin: https://example.com'", "neither"),
        (
            &[origin("https://shop.example")],
            "origin_not_trusted",
            "`trusted_origins`",
            "https://shop.example",
        ),
        (
            &[origin("https://shop.example"), (SITE, "cross-site")],
            "origin_not_trusted",
            "`trusted_origins`",
            "https://shop.example",
        ),
        (&[origin("null")], "origin_null", own_origin, "null"),
        (&[origin("null"), (SITE, "cross-site")], "origin_null", own_origin, "null"),
        (&[origin("https://example.com/")], "origin_malformed", own_origin, "malformed"),
        (
            &[origin(own_origin), origin(own_origin)],
            "header_repeated",
            "`origin` must occur only once",
            "origin",
        ),
        (
            &[(SITE, "same-origin"), (SITE, "same-origin")],
            "header_repeated",
            "`sec-fetch-site` must",
            "sec-fetch-site",
        ),
        (&[(SITE, "same-site")], "cross_site", "`Sec-Fetch-Site`", "Sec-Fetch-Site"),
        (&[origin(own_origin), (SITE, "cross-site")], "cross_site", "`Sec-Fetch-Site`", "Sec-Fetch-Site"),
    ] {
        let (found, text, log) = refusal(lines);
        assert_eq!(found, code, "{lines:?}");
        assert!(text.contains(told) && log.contains(logged), "{lines:?}: {text} / {log}");
        assert!(!text.contains("shop.example"), "the answer repeats what the client sent: {text}");
    }
}

async fn status(layer: CsrfLayer, lines: &[(&'static str, &str)]) -> StatusCode {
    let service =
        service_fn(|_: Request<String>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let mut request = Request::post("/").body("not read if the request is refused".to_owned()).unwrap();
    *request.headers_mut() = headers(lines);
    ServiceBuilder::new().layer(layer).service(service).oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn the_layer_checks_writes_with_a_cookie_of_any_content_type() {
    let layer = CsrfLayer::new(own(), CookieNames::secure());
    let cross = (SITE, "cross-site");

    for cookie in ["__Host-session=invalid", "__Host-access=x", "a=b; __Host-refresh="] {
        for kind in ["", "text/plain", "application/json", "APPLICATION/X-WWW-FORM-URLENCODED"] {
            let refused = status(layer.clone(), &[cross, ("cookie", cookie), ("content-type", kind)]).await;
            assert_eq!(refused, 403, "{cookie} {kind}");
        }
    }
    let handshake = [cross, ("cookie", "__Host-session=x"), ("upgrade", "websocket")];
    assert_eq!(status(layer.clone(), &handshake).await, 403);
    assert_eq!(status(layer.clone(), &[cross, ("cookie", "theme=dark")]).await, 200);
    assert_eq!(status(layer, &[cross, (header::AUTHORIZATION.as_str(), "Bearer x")]).await, 200);
}

#[tokio::test]
async fn check_every_write_checks_writes_without_a_cookie() {
    let layer = CsrfLayer::new(own(), CookieNames::secure()).check_every_write();

    assert_eq!(status(layer.clone(), &[(SITE, "cross-site")]).await, 403);
    assert_eq!(status(layer.clone(), &[]).await, 200);
    assert_eq!(status(layer, &[("cookie", "__Host-session=x")]).await, 403);
}
