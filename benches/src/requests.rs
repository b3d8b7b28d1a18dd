//! What is asked.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::answer::Answer;

/// A source of requests, one in flight on each connection.
pub(crate) trait Requests {
    /// The next request for `connection`; `None` when there is nothing more to ask.
    fn next(&mut self, connection: usize) -> Option<&[u8]>;

    /// Sees the answer. Whether it is the right one is said by the return.
    fn answered(&mut self, connection: usize, answer: &Answer<'_>) -> bool;
}

/// A GET of `path`, with one more header line.
pub(crate) fn get(address: SocketAddr, path: &str, header: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\n\r\n").into_bytes()
}

/// A POST of JSON to `path`, with one more header line.
pub(crate) fn post(address: SocketAddr, path: &str, header: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\ncontent-type: application/json");
    format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Requests in turn, over and over.
pub(crate) struct Rotation {
    requests: Vec<Vec<u8>>,
    next: usize,
    /// How many are left to be asked.
    left: usize,
}

impl Rotation {
    /// All of `requests`, until whoever drives them has had enough.
    pub(crate) fn endless(requests: Vec<Vec<u8>>) -> Self {
        Self { requests, next: 0, left: usize::MAX }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The next `count` of them, and then nothing more.
    pub(crate) fn allow(&mut self, count: usize) {
        self.left = count;
    }
}

impl Requests for Rotation {
    fn next(&mut self, _connection: usize) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        let request = self.requests.get(self.next % self.requests.len())?;
        self.next += 1;
        Some(request)
    }

    fn answered(&mut self, _connection: usize, answer: &Answer<'_>) -> bool {
        answer.status == 200
    }
}

/// Asks, and collects a text member of every answer.
pub(crate) struct Collection<'a> {
    rotation: Rotation,
    member: &'a str,
    pub(crate) found: Vec<String>,
}

impl<'a> Collection<'a> {
    /// Asks `count` times with `requests` in turn.
    pub(crate) fn of(member: &'a str, requests: Vec<Vec<u8>>, count: usize) -> Self {
        let mut rotation = Rotation::endless(requests);
        rotation.allow(count);
        Self { rotation, member, found: Vec::with_capacity(count) }
    }
}

impl Requests for Collection<'_> {
    fn next(&mut self, connection: usize) -> Option<&[u8]> {
        self.rotation.next(connection)
    }

    fn answered(&mut self, _connection: usize, answer: &Answer<'_>) -> bool {
        let text = answer.text(self.member);
        self.found.extend(text.map(str::to_owned));
        text.is_some()
    }
}

/// Refreshes: each answer's token is shown in a later request, so each is a rotation.
pub(crate) struct Refreshes {
    address: SocketAddr,
    tokens: VecDeque<String>,
    shown: Vec<String>,
    request: Vec<u8>,
}

impl Refreshes {
    /// With one token of each of many sessions, which wait in a queue for their turn.
    pub(crate) fn of(address: SocketAddr, tokens: Vec<String>) -> Self {
        Self { address, tokens: tokens.into(), shown: Vec::new(), request: Vec::new() }
    }
}

impl Requests for Refreshes {
    fn next(&mut self, connection: usize) -> Option<&[u8]> {
        let token = self.tokens.pop_front()?;
        let body = format!("{{\"refresh_token\":\"{token}\"}}");
        self.request = post(self.address, "/v1/refresh", "accept: */*", &body);
        if self.shown.len() <= connection {
            self.shown.resize(connection + 1, String::new());
        }
        self.shown[connection] = token;
        Some(&self.request)
    }

    fn answered(&mut self, connection: usize, answer: &Answer<'_>) -> bool {
        let Some(successor) = answer.text("refresh_token") else { return false };
        let is_new = successor != self.shown[connection];
        self.tokens.push_back(successor.to_owned());
        is_new
    }
}
