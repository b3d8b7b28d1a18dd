//! A minimal HTTP/1.1 client for the server of the demo: one connection for each request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::CliError;

/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request, of which the demo shows method, path and body.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The method.
    pub(super) method: &'static str,
    /// The path.
    pub(super) path: String,
    /// Headers, without those that every request has.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub(super) body: Option<Value>,
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    /// The status.
    pub(super) status: u16,
    /// The headers, with names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The JSON body; null without one.
    pub(super) body: Value,
}

impl Request {
    /// A request without a body.
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Presents a token.
    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Sets the body.
    pub(super) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn to_bytes(&self, address: SocketAddr) -> Vec<u8> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n", self.method, self.path);
        if self.body.is_some() {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        (text + "\r\n" + &body).into_bytes()
    }
}

impl Response {
    /// The header that sets or clears the cookie with this name: `NAME=VALUE; ATTRIBUTES`.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let is_cookie = |value: &&str| value.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
        self.headers.iter().map(|(_, value)| value.as_str()).find(is_cookie)
    }

    /// The string at this JSON pointer of the body; empty if it does not exist.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers = lines.map(header).collect::<Option<_>>()?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
        Some(Self { status, headers, body })
    }
}

/// Sends a request to the server at `address`, and reads the whole response.
///
/// # Errors
///
/// If the server does not answer, or not with JSON.
pub(super) async fn send(address: SocketAddr, request: &Request) -> Result<Response, CliError> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&request.to_bytes(address)).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Response::parse(&bytes).ok_or_else(|| io::Error::other("the response is not JSON over HTTP/1.1"))
    };
    let response = timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let message = || format!("{} {} was not answered", request.method, request.path);
    response.map_err(|error| CliError::with_cause(&message(), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_has_a_status_headers_and_perhaps_a_body() {
        let response =
            Response::parse(b"HTTP/1.1 200 OK\r\nX: a=b; Path=/\r\n\r\n{\"a\":{\"b\":\"c\"}}").unwrap();
        assert_eq!((response.status, response.cookie("a")), (200, Some("a=b; Path=/")));
        assert_eq!(response.cookie("ab"), None);
        assert_eq!(response.text("/a/b"), "c");

        assert_eq!(Response::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().body, Value::Null);
        for bad in [&b""[..], b"HTTP/1.1 200 OK", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello"] {
            assert!(Response::parse(bad).is_none());
        }
    }
}
