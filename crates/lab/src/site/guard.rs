//! Where a request may come from, and the headers of the pages.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use counterfoil_verify::{Origin, OriginPolicy, check_csrf, is_localhost_name, is_loopback_host};

use crate::site::response::problem;

/// A page may load its style and its icon from its own origin, and send its forms there. It has no script, unless it says so
/// itself, and no page may frame it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The headers of every page, as those of the other pages.
const PAGE_HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    // With `no-referrer` a form would send `Origin: null`.
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What kind of resource the browser wants.
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The layer of a server of its own: requests are for this machine, and writes come from its own pages.
///
/// A page of an attacker whose name resolves to this machine could otherwise read the lab (DNS rebinding).
pub(super) async fn check_source(request: Request, next: Next) -> Response {
    let Some(host) = host(request.uri(), request.headers()).filter(is_this_machine) else {
        return with_page_headers(problem(
            StatusCode::MISDIRECTED_REQUEST,
            "This address is not one of this machine",
            "The lab is for this machine only: open it at localhost or at a loopback address.",
            "/lab",
        ));
    };
    let own = Origin::from_url(&format!("http://{host}")).map(OriginPolicy::new);
    // No cookie matters here. A browser that says where a form comes from is believed.
    let is_own = own.is_ok_and(|own| check_csrf(request.method(), request.headers(), &own, false).is_ok());
    if is_own { next.run(request).await } else { with_page_headers(from_another_page()) }
}

/// The layer of every page: it is shown as a document only, and has the headers of a page.
pub(super) async fn show_as_page(request: Request, next: Next) -> Response {
    // A page is no picture, script or frame of another page: such a request could only probe it.
    let destination = request.headers().get(FETCH_DEST).map(HeaderValue::as_bytes);
    let response = match destination {
        None | Some(b"document" | b"empty") => next.run(request).await,
        Some(_) => from_another_page(),
    };
    with_page_headers(response)
}

fn with_page_headers(mut response: Response) -> Response {
    let own_policy = response.headers_mut().remove(CONTENT_SECURITY_POLICY);
    for (name, value) in PAGE_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Some(policy) = own_policy {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn from_another_page() -> Response {
    let text = "Nothing was done. Open the lab, and use its own buttons.";
    problem(StatusCode::FORBIDDEN, "This request was sent from another page", text, "/lab")
}

/// The host with its port, which in HTTP/2 the target may name (RFC 9113, section 8.3.1); `None` without one, with two, and for
/// one that is no host.
fn host(target: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let of_line = |line: &HeaderValue| line.to_str().ok()?.parse::<Authority>().ok();
    let mut named =
        headers.get_all(HOST).into_iter().map(of_line).chain(target.authority().cloned().map(Some));
    let host = named.next()??;
    let is_one = headers.get_all(HOST).iter().count() < 2 && named.all(|other| other.as_ref() == Some(&host));
    (is_one && !host.as_str().contains('@')).then_some(host)
}

/// Whether a host can only mean this machine. A resolver of an attacker could answer for a name below `localhost`.
fn is_this_machine(host: &Authority) -> bool {
    let name = host.host();
    is_loopback_host(name) && (name.eq_ignore_ascii_case("localhost") || !is_localhost_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_accepted() {
        let accepts = |target: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            host(&Uri::from_static(target), &headers).as_ref().is_some_and(is_this_machine)
        };
        for (hosts, is_accepted) in [
            (&["localhost:3001"][..], true),
            (&["127.0.0.1:3001"], true),
            (&["[::1]:3001"], true),
            (&["LOCALHOST"], true),
            (&[], false),
            (&["attacker.example"], false),
            (&["attacker.localhost"], false),
            (&["127.0.0.1.nip.io"], false),
            (&["a@localhost"], false),
            (&["0.0.0.0:3001"], false),
            (&["localhost", "localhost"], false),
        ] {
            assert_eq!(accepts("/lab", hosts), is_accepted, "{hosts:?}");
        }
        let target = "http://localhost:3001/lab";
        assert!(accepts(target, &[]) && accepts(target, &["localhost:3001"]));
        assert!(!accepts(target, &["attacker.example"]) && !accepts("http://attacker.example/lab", &[]));
        assert!(!accepts("http://attacker.example/lab", &["localhost:3001"]));
    }
}
