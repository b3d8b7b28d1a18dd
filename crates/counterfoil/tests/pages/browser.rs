//! A browser without script: it keeps cookies, sends what a form holds, and follows redirects of this server.

use crate::client::{Request, Response, exchange};
use crate::test_server::{PASSWORD, TestServer};

/// A browser at the pages of one server.
#[derive(Debug, Clone)]
pub(crate) struct PageBrowser {
    /// Names, values and whether the cookie is kept when the browser is closed.
    pub(crate) cookies: Vec<(String, String, bool)>,
    pub(crate) language: &'static str,
}

impl PageBrowser {
    pub(crate) fn new() -> Self {
        Self { cookies: Vec::new(), language: "en" }
    }

    /// Opens a page, without following a redirect.
    pub(crate) async fn open(&mut self, server: &TestServer, path: &str) -> Response {
        self.send(server, navigation(Request::get(path))).await
    }

    /// Sends a form of a page of this server.
    pub(crate) async fn post(
        &mut self,
        server: &TestServer,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let request = navigation(Request::post(path)).header("origin", &server.origin);
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>();
        self.send(server, request.body("application/x-www-form-urlencoded", body.join("&"))).await
    }

    /// Sends a form and opens the page to which the answer redirects.
    pub(crate) async fn post_and_follow(
        &mut self,
        server: &TestServer,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        let mut response = self.post(server, path, fields).await;
        while response.status == 303 {
            let location = response.header("location").unwrap().to_owned();
            response = self.open(server, &location).await;
        }
        response
    }

    pub(crate) async fn sign_in(&mut self, server: &TestServer, name: &str) -> Response {
        self.post(server, "/login", &[("username", name), ("password", PASSWORD), ("remember", "on")]).await
    }

    /// Sends a request with the cookies, and keeps those of the response.
    pub(crate) async fn send(&mut self, server: &TestServer, request: Request) -> Response {
        let line = self.cookies.iter().map(|(name, value, _)| format!("{name}={value}")).collect::<Vec<_>>();
        let request = request.header("cookie", line.join("; ")).header("accept-language", self.language);
        let response = exchange(server, &request.bytes()).await.unwrap();
        for line in response.all("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("Path=/"), "{line}");
            self.cookies.retain(|(kept, ..)| kept != name);
            if !attributes.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned(), attributes.contains("Max-Age")));
            }
        }
        response
    }

    /// The names of the cookies without the prefix, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.cookies.iter().map(|(name, ..)| name.rsplit('-').next().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

/// The headers of a navigation within the site.
fn navigation(request: Request) -> Request {
    request
        .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
}

pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded + &char::from(byte).to_string(),
        other => format!("{encoded}%{other:02X}"),
    })
}

/// The page as text, after checks that hold for every page.
pub(crate) fn html(response: &Response) -> String {
    let text = String::from_utf8(response.body.clone()).unwrap();
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"), "{response:?}");
    let policy = response.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(response.header("referrer-policy"), Some("same-origin"));
    assert_eq!(response.header("cross-origin-opener-policy"), Some("same-origin"));
    assert_eq!(response.header("x-robots-tag"), Some("noindex"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    for secret in ["cfs_", "cfr_", "eyJ", PASSWORD] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // Values in sentences are isolated from the direction of the text around them.
    text.replace(['\u{2068}', '\u{2069}'], "")
}

/// The part of the page after `mark`, up to the next `end`.
pub(crate) fn after<'a>(html: &'a str, mark: &str, end: &str) -> &'a str {
    let (_, rest) = html.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {html}"));
    rest.split(end).next().unwrap()
}
