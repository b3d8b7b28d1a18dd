//! Whether a request is one that a login page can answer: the browser shows what it gets.

use http::header::{ACCEPT, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, Method};

/// How the browser uses the response (Fetch Metadata, section 2.2).
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whether the browser opens a page. A request of a script or of a program gets 401 instead of a page that it cannot show.
pub(crate) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) || is_websocket_handshake(headers) {
        return false;
    }
    match headers.get(&SEC_FETCH_MODE) {
        Some(mode) => mode.as_bytes() == b"navigate",
        None => headers.get_all(ACCEPT).into_iter().any(|line| accepts_html(line.as_bytes())),
    }
}

/// Whether the request opens a WebSocket. `Upgrade` does not say it: some proxies do not pass it on to a subrequest.
pub(super) fn is_websocket_handshake(headers: &HeaderMap) -> bool {
    // Over HTTP/2 there is no key (RFC 8441, section 5).
    headers.keys().any(|name| *name == SEC_WEBSOCKET_KEY || *name == SEC_WEBSOCKET_VERSION)
}

fn accepts_html(line: &[u8]) -> bool {
    line.split(|&byte| byte == b',').any(|element| {
        let kind = element.split(|&byte| byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_opens_a_page_navigates() {
        let html = ("accept", "text/html,application/xhtml+xml;q=0.9");
        for (method, lines, is_one) in [
            ("GET", &[("sec-fetch-mode", "navigate")][..], true),
            ("HEAD", &[("sec-fetch-mode", "navigate")], true),
            ("GET", &[html], true),
            ("GET", &[("accept", "application/json, TEXT/HTML;q=0.1")], true),
            ("GET", &[("sec-fetch-mode", "cors"), html], false),
            ("GET", &[("sec-fetch-mode", "no-cors"), html], false),
            ("GET", &[("sec-fetch-mode", "websocket")], false),
            ("GET", &[html, ("sec-websocket-key", "x")], false),
            ("GET", &[("accept", "*/*")], false),
            ("GET", &[("accept", "text/htmlx")], false),
            ("GET", &[], false),
            ("POST", &[("sec-fetch-mode", "navigate"), html], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            let method = method.parse().unwrap();
            assert_eq!(is_navigation(&method, &headers), is_one, "{method} {lines:?}");
        }
    }
}
