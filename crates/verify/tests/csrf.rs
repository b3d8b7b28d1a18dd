//! Cross-site writes: the table of Go's `CrossOriginProtection`, and its twin with a cookie.
#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests, though clippy cannot see it")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use counterfoil_verify::{CookieNames, CsrfLayer, Origin, OriginPolicy, csrf};

const SITE: &str = "sec-fetch-site";

fn own() -> OriginPolicy {
    OriginPolicy::own("https://example.com".parse().unwrap())
}

fn trusting() -> OriginPolicy {
    own().and("https://trusted.example".parse().unwrap())
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

/// A write with these headers that shows a cookie of ours, or none.
fn passes(lines: &[(&'static str, &str)], policy: &OriginPolicy, shows_cookie: bool) -> bool {
    csrf::judge(&Method::POST, &headers(lines), policy, shows_cookie).is_ok()
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
struct Configured {
    origin: String,
    ok: bool,
}

#[derive(Deserialize)]
struct Vectors {
    sec_fetch_site: Vec<Case>,
    #[serde(rename = "acceptable_trusted_origin_config")]
    configured: Vec<Configured>,
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
    fn holds(&self, policy: &OriginPolicy, shows_cookie: bool) -> bool {
        let method = self.method.parse().unwrap();
        let shown = headers(&[("origin", self.origin.as_str()), (SITE, self.sec_fetch_site.as_str())]);
        let passed = csrf::judge(&method, &shown, policy, shows_cookie).is_ok();
        passed == (self.status == 200)
    }

    /// Where a cookie makes a difference: a write that says nothing of where it comes from.
    fn is_silent_write(&self) -> bool {
        self.origin.is_empty() && self.sec_fetch_site.is_empty() && self.method == "POST"
    }
}

#[test]
fn the_table_of_go_holds_and_its_twin_with_a_cookie_is_stricter_in_one_place() {
    let Some(vectors) = vectors() else { return };
    let (_, trusted) = vectors.others.iter().find(|(name, _)| name.starts_with("trusted_origin=")).unwrap();
    let trusted: Vec<Case> = serde_json::from_value(trusted.clone()).unwrap();

    for case in &vectors.sec_fetch_site {
        assert!(case.holds(&own(), false), "{}", case.name);
        assert_eq!(case.holds(&own(), true), !case.is_silent_write(), "{} with a cookie", case.name);
    }
    for case in &trusted {
        assert!(case.holds(&trusting(), false) && case.holds(&trusting(), true), "{}", case.name);
    }
    for case in &vectors.configured {
        assert_eq!(case.origin.parse::<Origin>().is_ok(), case.ok, "{}", case.origin);
    }

    let silent = vectors.sec_fetch_site.iter().filter(|case| case.is_silent_write()).count();
    assert_eq!(silent, 1);
    println!(
        "csrf vectors: {} + {} cases, each with and without a cookie, {} configured origins",
        vectors.sec_fetch_site.len(),
        trusted.len(),
        vectors.configured.len()
    );
}

#[test]
fn a_trusted_origin_passes_whatever_the_browser_says_of_the_site() {
    let trusted = ("origin", "https://trusted.example");

    assert!(passes(&[trusted, (SITE, "cross-site")], &trusting(), true));
    assert!(!passes(&[trusted, (SITE, "cross-site")], &own(), true));
    assert!(!passes(&[("origin", "https://trusted.example.evil")], &trusting(), false));
}

#[test]
fn the_site_decides_before_the_origin_does() {
    assert!(!passes(&[("origin", "https://example.com"), (SITE, "cross-site")], &own(), true));
    assert!(!passes(&[("origin", "https://example.com"), (SITE, "same-site")], &own(), true));
    // A form under `Referrer-Policy: no-referrer` on our own page.
    assert!(passes(&[("origin", "null"), (SITE, "same-origin")], &own(), true));
}

#[test]
fn a_malformed_site_is_another_site() {
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
fn an_origin_is_ours_only_as_it_is_written() {
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
fn every_method_but_the_three_safe_ones_is_a_write() {
    let shown = headers(&[(SITE, "cross-site")]);

    for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "PROPFIND", "get", "Get"] {
        let method = method.parse().unwrap();
        assert!(csrf::judge(&method, &shown, &own(), true).is_err(), "{method}");
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(csrf::judge(&method, &shown, &own(), true).is_ok(), "{method}");
    }
}

async fn status(layer: CsrfLayer, lines: &[(&'static str, &str)]) -> StatusCode {
    let service =
        service_fn(|_: Request<String>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let mut request = Request::post("/").body("never read where it is refused".to_owned()).unwrap();
    *request.headers_mut() = headers(lines);
    ServiceBuilder::new().layer(layer).service(service).oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn the_layer_judges_writes_with_a_cookie_of_any_content_type() {
    let layer = CsrfLayer::new(own(), CookieNames::secure());
    let cross = (SITE, "cross-site");

    for cookie in ["__Host-session=dead", "__Host-access=x", "a=b; __Host-refresh="] {
        for kind in ["", "text/plain", "application/json", "APPLICATION/X-WWW-FORM-URLENCODED"] {
            let refused = status(layer.clone(), &[cross, ("cookie", cookie), ("content-type", kind)]).await;
            assert_eq!(refused, 403, "{cookie} {kind}");
        }
    }
    assert_eq!(status(layer.clone(), &[cross, ("cookie", "theme=dark")]).await, 200);
    assert_eq!(status(layer, &[cross, (header::AUTHORIZATION.as_str(), "Bearer x")]).await, 200);
}

#[tokio::test]
async fn the_layer_for_logins_judges_every_write() {
    let layer = CsrfLayer::new(own(), CookieNames::secure()).always();

    assert_eq!(status(layer.clone(), &[(SITE, "cross-site")]).await, 403);
    assert_eq!(status(layer.clone(), &[]).await, 200);
    assert_eq!(status(layer, &[("cookie", "__Host-session=x")]).await, 403);
}
