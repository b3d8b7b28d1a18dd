//! What development mode says in a 401 beyond what a client may learn elsewhere.

use axum::extract::Request;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName};

use counterfoil_verify::Problem;

use crate::http::problem_types::{CREDENTIAL_REQUIRED, INVALID_CREDENTIALS, INVALID_TOKEN};

/// Explains the refusals of one request to the developer of a client. Only for development mode: elsewhere an attacker
/// would learn which check failed.
#[derive(Debug)]
pub(crate) struct RefusalNotes {
    missing_credential: String,
}

impl RefusalNotes {
    /// Reads what the request says about its page.
    pub(crate) fn new(request: &Request) -> Self {
        Self { missing_credential: missing_credential(request.headers()) }
    }

    /// The problem with the reason, if it is a 401.
    pub(crate) fn explain(self, problem: Problem) -> Problem {
        let name = problem.name();
        if name == CREDENTIAL_REQUIRED.name {
            problem.detail(self.missing_credential)
        } else if [INVALID_TOKEN.name, INVALID_CREDENTIALS.name].contains(&name) {
            problem.danger_show_reason()
        } else {
            problem
        }
    }
}

/// Why a request without a credential may have none although its user is logged in: a cookie belongs to one host name.
fn missing_credential(headers: &HeaderMap) -> String {
    let page =
        text(headers, &ORIGIN).and_then(|origin| Some((origin, host_name(origin.split_once("://")?.1))));
    let own = text(headers, &HOST).map(host_name);
    match (page, own) {
        (Some((origin, page_host)), Some(own_host)) if page_host != own_host => format!(
            "a credential is required, and no cookie was sent: the page is at {origin} and calls this server as {own_host}, \
             which are two sites for a browser; call it as {page_host}, or log in with \"transport\": \"bearer\""
        ),
        _ => "a credential is required: neither a cookie of this server nor one in the form that this call takes was sent (a \
              cookie that was set at `localhost` is not sent to `127.0.0.1`, nor the other way round; a refresh token is sent as \
              the member `refresh_token`, every other credential as `Authorization: Bearer`)"
            .to_owned(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A host without its port.
fn host_name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn note(origin: Option<&str>, host: &str) -> String {
        let request = Request::builder().header(HOST, host);
        let request = origin.into_iter().fold(request, |request, origin| request.header(ORIGIN, origin));
        RefusalNotes::new(&request.body(Body::empty()).unwrap()).missing_credential
    }

    #[test]
    fn a_page_at_another_host_name_is_told_that_the_names_share_no_cookies() {
        for (origin, host, advice) in [
            ("http://localhost:5173", "127.0.0.1:3000", "call it as localhost"),
            ("http://127.0.0.1:5173", "localhost:3000", "call it as 127.0.0.1"),
            ("http://[::1]:5173", "localhost", "call it as [::1]"),
        ] {
            assert!(note(Some(origin), host).contains(advice), "{origin} {host}");
        }
        for (origin, host) in [
            (Some("http://localhost:5173"), "localhost:3000"),
            (Some("http://[::1]:5173"), "[::1]:3000"),
            (Some("null"), "localhost"),
            (None, "localhost"),
        ] {
            assert!(note(origin, host).contains("not sent to `127.0.0.1`"), "{origin:?} {host}");
        }
    }
}
