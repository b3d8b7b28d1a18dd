//! Blocking HTTP/1.1 client, with errors that say whether the server may have received the request.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Timeout of one read or write; longer than the request timeout of the server.
const IO_TIMEOUT: Duration = Duration::from_secs(40);

/// An HTTP request.
///
/// ```
/// use counterfoil_fault_injection::http::Request;
/// use serde_json::json;
///
/// let login = Request::post("/v1/login").json(&json!({ "username": "ada", "password": "secret" }));
/// assert!(login.to_bytes().starts_with(b"POST /v1/login HTTP/1.1\r\n"));
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    head: String,
    body: Option<String>,
}

impl Request {
    /// A request with `method` for `path`.
    pub fn new(method: &str, path: &str) -> Self {
        Self { head: format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n"), body: None }
    }

    /// A GET request.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST request.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    /// Adds a bearer token (RFC 6750, section 2.1).
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        let body = body.to_string();
        let head = self.header("content-type", "application/json");
        Self { body: Some(body), ..head }
    }

    /// Sets a body of another type, or one that is not JSON.
    #[must_use]
    pub fn body(self, content_type: &str, body: &str) -> Self {
        let head = self.header("content-type", content_type);
        Self { body: Some(body.to_owned()), ..head }
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = self.body.as_deref().unwrap_or_default();
        format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len()).into_bytes()
    }
}

/// A complete HTTP response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Parses the head of a response; the body has the announced length and is all zeros.
    pub(crate) fn from_head(head: String) -> io::Result<Self> {
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut response = Self { status, head, body: Vec::new() };
        let length = response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        response.body.resize(length, 0);
        Ok(response)
    }

    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(header, value)| header.eq_ignore_ascii_case(name).then_some(value.trim()))
    }

    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether this is a 503 that a client can act on: a problem document (RFC 9457) with `Retry-After`.
    pub fn is_retryable_503(&self) -> bool {
        self.status == 503
            && self.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"))
            && self.header("retry-after").is_some()
    }
}

/// Why a request has no response.
#[derive(Debug)]
pub enum RequestError {
    /// The connection was refused: the server did not receive the request.
    NotSent(io::Error),
    /// The connection failed later: the server may have carried out the request.
    NoResponse(io::Error),
}

impl From<RequestError> for io::Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotSent(error) | RequestError::NoResponse(error) => error,
        }
    }
}

/// A keep-alive connection that is opened on first use and reopened after an error.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// A connection to the server at `address`, not opened yet.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    ///
    /// Whether the server may have received the request.
    pub fn send(&mut self, request: &Request) -> Result<Response, RequestError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address).map_err(RequestError::NotSent)?,
        };
        let response = exchange(&mut stream, request).map_err(RequestError::NoResponse)?;
        if response.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(response)
    }
}

/// Sends one request over a new connection.
///
/// # Errors
///
/// If there is no complete response.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Response> {
    Ok(Connection::new(address).send(request)?)
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IO_TIMEOUT))?;
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    Ok(BufReader::new(stream))
}

fn exchange(stream: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Response> {
    stream.get_mut().write_all(&request.to_bytes())?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut response = Response::from_head(head)?;
    stream.read_exact(&mut response.body)?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn send_to_server_that_answers(bytes: &'static [u8]) -> Result<Response, RequestError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let response = Connection::new(address).send(&Request::get("/"));
        server.join().unwrap();
        response
    }

    #[test]
    fn a_response_is_read_completely_with_its_headers() {
        let response = send_to_server_that_answers(
            b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\ncontent-length: 2\r\n\r\n{}",
        )
        .unwrap();

        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        assert_eq!(response.body, b"{}");
        assert!(!response.is_retryable_503(), "the content type is not application/problem+json");
    }

    #[test]
    fn a_truncated_response_is_reported_as_no_response() {
        let truncated = send_to_server_that_answers(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}");

        assert!(matches!(truncated, Err(RequestError::NoResponse(_))), "{truncated:?}");
    }

    #[test]
    fn a_refused_connection_is_reported_as_not_sent() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

        assert!(matches!(Connection::new(address).send(&Request::get("/")), Err(RequestError::NotSent(_))));
    }
}
