//! The requests of the load generator, and the check of their responses.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::client::response::Response;

/// A source of requests, with one in flight on each connection.
pub trait RequestSource {
    /// The next request for `connection`; `None` if there are no more.
    fn next(&mut self, connection: usize) -> Option<&[u8]>;

    /// Whether the response on `connection` is the expected one.
    fn is_expected(&mut self, connection: usize, response: &Response<'_>) -> bool;
}

/// A GET of `path`, with one more header line.
#[must_use]
pub fn get(address: SocketAddr, path: &str, header: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\n\r\n").into_bytes()
}

/// A POST of JSON to `path`, with one more header line.
#[must_use]
pub fn post(address: SocketAddr, path: &str, header: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\ncontent-type: application/json");
    format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A list of requests, sent in turn and repeated.
pub struct RequestCycle {
    requests: Vec<Vec<u8>>,
    next: usize,
    /// How many more requests may be sent.
    remaining: usize,
}

impl RequestCycle {
    /// Repeats `requests` without a limit.
    #[must_use]
    pub fn endless(requests: Vec<Vec<u8>>) -> Self {
        Self { requests, next: 0, remaining: usize::MAX }
    }

    /// The number of distinct requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether it has no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Ends the cycle after `count` more requests.
    pub fn set_limit(&mut self, count: usize) {
        self.remaining = count;
    }
}

impl RequestSource for RequestCycle {
    fn next(&mut self, _connection: usize) -> Option<&[u8]> {
        self.remaining = self.remaining.checked_sub(1)?;
        let request = self.requests.get(self.next % self.requests.len())?;
        self.next += 1;
        Some(request)
    }

    fn is_expected(&mut self, _connection: usize, response: &Response<'_>) -> bool {
        response.status == 200
    }
}

/// Requests whose responses each have a string member that is collected.
pub struct ResponseCollector<'a> {
    requests: RequestCycle,
    member: &'a str,
    /// The members so far.
    pub collected: Vec<String>,
}

impl<'a> ResponseCollector<'a> {
    /// Sends `count` requests, taken from `requests` in turn.
    #[must_use]
    pub fn new(member: &'a str, requests: Vec<Vec<u8>>, count: usize) -> Self {
        let mut requests = RequestCycle::endless(requests);
        requests.set_limit(count);
        Self { requests, member, collected: Vec::with_capacity(count) }
    }
}

impl RequestSource for ResponseCollector<'_> {
    fn next(&mut self, connection: usize) -> Option<&[u8]> {
        self.requests.next(connection)
    }

    fn is_expected(&mut self, _connection: usize, response: &Response<'_>) -> bool {
        let text = response.json_string(self.member);
        self.collected.extend(text.map(str::to_owned));
        text.is_some()
    }
}

/// Refresh requests. A later request presents the refresh token of each response, so each one is a rotation.
pub struct RefreshRequests {
    address: SocketAddr,
    tokens: VecDeque<String>,
    /// The token in flight on each connection.
    presented: Vec<String>,
    request: Vec<u8>,
}

impl RefreshRequests {
    /// Starts with one refresh token of each of many sessions, used in turn.
    #[must_use]
    pub fn new(address: SocketAddr, tokens: Vec<String>) -> Self {
        Self { address, tokens: tokens.into(), presented: Vec::new(), request: Vec::new() }
    }
}

impl RequestSource for RefreshRequests {
    fn next(&mut self, connection: usize) -> Option<&[u8]> {
        let token = self.tokens.pop_front()?;
        let body = format!("{{\"refresh_token\":\"{token}\"}}");
        self.request = post(self.address, "/v1/refresh", "accept: */*", &body);
        if self.presented.len() <= connection {
            self.presented.resize(connection + 1, String::new());
        }
        self.presented[connection] = token;
        Some(&self.request)
    }

    fn is_expected(&mut self, connection: usize, response: &Response<'_>) -> bool {
        let Some(successor) = response.json_string("refresh_token") else { return false };
        let is_rotated = successor != self.presented[connection];
        self.tokens.push_back(successor.to_owned());
        is_rotated
    }
}
