//! An HTTP/1.1 client that can send malformed requests, and checks every response against the same rules.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::test_server::TestServer;

/// A request. Header values are bytes, so they can be invalid.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(self, kind: &str, body: impl AsRef<[u8]>) -> Self {
        let mut request = self.header("content-type", kind);
        request.body = body.as_ref().to_vec();
        request
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", self.method, self.path)
                .into_bytes();
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let has_length = names.iter().any(|name| name == "content-length" || name == "transfer-encoding");
        if !has_length && (!self.body.is_empty() || self.method != "GET") {
            bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends the request and checks the response against the rules for every response.
    pub(crate) async fn send(&self, server: &TestServer) -> Response {
        let response = exchange(server, &self.bytes()).await.expect("the server must respond");
        record(self, &response);
        response.assert_valid(&self.method, &self.path);
        let has_bearer = self.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && value.to_ascii_lowercase().starts_with(b"bearer")
        });
        // A refresh ignores it, and the endpoints of OAuth have other errors.
        let has_problem = self.path != "/v1/refresh" && !self.path.starts_with(OAUTH);
        if response.status == 401 && has_bearer && has_problem && self.method != "HEAD" {
            let challenge = response.header("www-authenticate").unwrap();
            let is_token = response.problem() == "invalid_token";
            assert_eq!(challenge.contains(r#"error="invalid_token""#), is_token, "{self:?}: {response:?}");
        }
        response
    }
}

thread_local! {
    /// The exchanges of this thread since [`recorded`] began.
    static EXCHANGES: RefCell<Option<Vec<Value>>> = const { RefCell::new(None) };
}

/// Runs `requests` and returns each exchange as JSON: `method`, `path`, `status`, `headers`, `body`. For tests whose
/// runtime has one thread.
pub(crate) async fn recorded(requests: impl Future<Output = ()>) -> Vec<Value> {
    EXCHANGES.set(Some(Vec::new()));
    requests.await;
    EXCHANGES.take().unwrap()
}

fn record(request: &Request, response: &Response) {
    EXCHANGES.with_borrow_mut(|exchanges| {
        let Some(exchanges) = exchanges else { return };
        let length = response.all("content-length").first().and_then(|length| length.parse::<usize>().ok());
        if request.method != "HEAD" && length.is_some_and(|length| response.body.len() < length) {
            // The server closed the connection because it had not read the body of the request.
            return;
        }
        exchanges.push(json!({
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "headers": response.headers,
            "body": String::from_utf8_lossy(&response.body),
        }));
    });
}

/// Sends these bytes on a new connection. `None` if it is closed without a response.
pub(crate) async fn exchange(server: &TestServer, bytes: &[u8]) -> Option<Response> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The server can close the connection while the request is still being sent.
    let _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    // Bytes received before a reset are a response too.
    while let Ok(1..) = stream.read_buf(&mut all).await {}
    Response::parse(&all)
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Self { status, headers, body: bytes[end + 4..].to_vec() })
    }

    pub(crate) fn all<'a>(&'a self, name: &str) -> Vec<&'a str> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self.all(name).as_slice() {
            [] => None,
            [one] => Some(one),
            several => panic!("{name} is present more than once: {several:?}"),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `code` of a problem.
    pub(crate) fn problem(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    /// Removes the request id and the date, which differ between responses to equal requests.
    pub(crate) fn without_id(mut self) -> Self {
        let id = self.header("x-request-id").unwrap().to_owned();
        self.headers.retain(|(name, _)| name != "x-request-id" && name != "date");
        self.body = String::from_utf8(self.body).unwrap().replace(&id, "ID").into_bytes();
        self
    }

    /// The rules for every response of the server.
    fn assert_valid(&self, method: &str, path: &str) {
        assert_ne!(self.status, 500, "{method} {path}: {self:?}");
        if self.header("x-request-id").is_none() {
            // Rejected by the HTTP parser before any route: it is not a valid request.
            assert!(matches!(self.status, 400 | 408 | 414 | 431 | 505), "{method} {path}: {self:?}");
            return;
        }
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        let is_public_document = matches!(self.status, 200 | 304)
            && PUBLIC_DOCUMENTS.iter().any(|public| path.starts_with(public));
        let policy = if is_public_document { "cross-origin" } else { "same-origin" };
        assert_eq!(self.header("cross-origin-resource-policy"), Some(policy), "{path}");
        assert!(self.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(self.header("cache-control").is_some(), "{self:?}");
        assert!(self.header("server").is_none());
        let cors = self.headers.iter().filter(|(name, _)| name.starts_with("access-control-"));
        let cors: Vec<_> = cors.map(|(name, value)| (&**name, &**value)).collect();
        if is_public_document {
            assert_eq!(cors, [("access-control-allow-origin", "*")], "{path}");
        } else {
            // Any other header only with that of a trusted origin.
            assert!(cors.is_empty() || cors.iter().any(|(name, _)| *name == "access-control-allow-origin"));
            assert!(cors.iter().all(|(_, value)| *value != "*"), "{cors:?}");
        }
        self.assert_valid_cookies();
        if (self.status, path) == (503, "/readyz") {
            assert_eq!(self.json()["status"], "unavailable");
            assert!(self.header("retry-after").is_some());
        } else if self.status >= 400 && path.starts_with(OAUTH) {
            self.assert_valid_oauth_error(method);
        } else if self.status >= 400 {
            self.assert_valid_problem(method);
        }
        let code = if method == "HEAD" || self.status < 400 { None } else { self.problem_code() };
        assert_documented(method, path, self.status, code.as_deref());
    }

    /// The code of the body, if it is a problem or an error of OAuth.
    fn problem_code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["code"].as_str().or(body["error"].as_str()).map(str::to_owned)
    }

    /// RFC 6749, section 5.2.
    fn assert_valid_oauth_error(&self, method: &str) {
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        if method != "HEAD" {
            let body = self.json();
            assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
            let description = body["error_description"].as_str().unwrap();
            let is_allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(!description.is_empty() && description.bytes().all(is_allowed), "{body}");
        }
        match self.status {
            401 => {
                let challenge = self.header("www-authenticate").unwrap();
                assert!(challenge.starts_with("Bearer") || challenge.starts_with("Basic realm="));
            }
            405 => assert_eq!(self.header("allow"), Some("POST")),
            429 | 503 => assert!(self.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1),
            _ => {}
        }
    }

    fn assert_valid_cookies(&self) {
        let lines = self.all("set-cookie");
        // Only an answer to two cookies of one name clears further ones, at other scopes.
        let (other_scopes, lines): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.contains("Domain=") || !line.contains("; Path=/;"));
        let is_cleared = |line: &&str| line.contains("=; ") && line.ends_with("Max-Age=0");
        assert!(other_scopes.is_empty() || self.status == 400, "{other_scopes:?}");
        assert!(
            other_scopes.iter().all(|line| is_cleared(line) && !line.starts_with("__Host-")),
            "{other_scopes:?}"
        );
        let names: BTreeSet<_> = lines.iter().map(|line| line.split('=').next().unwrap()).collect();
        assert_eq!(names.len(), lines.len(), "two cookies with one name: {lines:?}");
        for line in &lines {
            assert!(line.contains("; Path=/; HttpOnly;"), "{line}");
            assert_eq!(line.contains("Secure"), line.starts_with("__Host-"), "{line}");
            assert!(!line.to_lowercase().contains("domain"), "{line}");
        }
        if !lines.is_empty() {
            assert_eq!(self.header("cache-control"), Some("no-store"));
        }
    }

    fn assert_valid_problem(&self, method: &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        if method != "HEAD" {
            let body = self.json();
            let (issuer, name) = body["type"].as_str().unwrap().split_once("/problems/").unwrap();
            assert!(issuer.starts_with("http"), "{body}");
            assert_eq!(body["code"], name.replace('-', "_"));
            assert!(PROBLEM_PAGES.contains(name), "the type {name} has no page");
            assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
            assert_eq!(body["status"], self.status);
            assert_eq!(body["request_id"].as_str(), self.header("x-request-id"), "{body}");
        }
        match self.status {
            401 => assert!(self.header("www-authenticate").unwrap().starts_with("Bearer")),
            405 => assert!(!self.header("allow").unwrap().is_empty()),
            429 | 503 => assert!(self.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1),
            _ => {}
        }
    }
}

/// The paths of the endpoints of OAuth begin with it.
const OAUTH: &str = "/oauth/";

/// The paths of the proxies begin with it.
const VERIFY: &str = "/v1/verify/";

/// The documents that pages of all origins may read.
const PUBLIC_DOCUMENTS: [&str; 4] = ["/.well-known/", "/openapi.json", "/problems/", "/v1/status-lists"];

/// The names in the table of problem types. `every_type_of_problem_has_a_page_for_people_and_for_programs` reads their pages.
pub(crate) static PROBLEM_PAGES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    // An entry begins like `NOT_FOUND = 404 "not-found", "Not found",`.
    let entries = include_str!("../../src/http/problem_types.rs").lines().filter_map(|line| {
        let (constant, rest) = line.trim().split_once(" = ")?;
        let (status, rest) = rest.split_once(" \"")?;
        let is_entry = constant.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && status.parse::<u16>().is_ok();
        is_entry.then_some(rest.split('"').next()?)
    });
    let names: BTreeSet<&str> = entries.collect();
    assert!(names.contains("not-found") && names.len() > 30, "{names:?}");
    names
});

static DOCUMENT: LazyLock<Value> = LazyLock::new(counterfoil::openapi);

/// Whether the path matches this template; a parameter, as `{id}`, matches one segment that is not empty.
fn matches_template(path: &str, template: &str) -> bool {
    let (parts, places) = (path.split('/'), template.split('/'));
    parts.clone().count() == places.clone().count()
        && parts
            .zip(places)
            .all(|(part, place)| part == place || (place.starts_with('{') && !part.is_empty()))
}

/// Asserts that OpenAPI documents this status, and the code of a problem in its description. 404 and 405 are also allowed for undocumented paths and methods.
fn assert_documented(method: &str, path: &str, status: u16, code: Option<&str>) {
    let path = path.split('?').next().unwrap();
    if path.starts_with(VERIFY) && method == "TRACE" {
        assert_eq!(status, 405);
        return;
    }
    // Every other method has the same answer, and Envoy appends the path of its client.
    let (method, path) = match path.starts_with(VERIFY) {
        true => ("GET", "/v1/verify/{proxy}/{options}"),
        false => (method, path),
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let template =
        paths.keys().find(|template| matches_template(path, template)).map_or(path, String::as_str);
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    let operation = &DOCUMENT["paths"][template][&method];
    match status {
        404 if DOCUMENT["paths"][template].is_null() => {}
        // The CSRF check runs before the method is matched.
        403 if operation.is_null() => {}
        // A handshake of a WebSocket or an event stream from another origin. No client of these routes sends one.
        403 if method == "get" => {}
        // The response to a CORS preflight request, on every route.
        204 if method == "options" => {}
        405 => assert!(operation.is_null(), "{method} {path} is documented but not implemented"),
        status => {
            let response = &operation["responses"][status.to_string()];
            assert!(response.is_object(), "{method} {template} responses {status}, which is not documented");
            let description = response["description"].as_str().unwrap();
            assert!(
                code.is_none_or(|code| description.contains(&format!("`{code}`"))),
                "{method} {template} responds {status} {code:?}, but documents: {description}"
            );
        }
    }
}
