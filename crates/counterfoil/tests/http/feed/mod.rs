//! The revocation feed over HTTP: polls, leases, waits for the fleet, and what a verifier key may do.

mod fleet_wait;
mod limits;
mod polls;
mod stream;
mod verifier_keys;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use counterfoil::operator::Command;
use counterfoil_core::services::login_rate_limiter::RateLimit;
use counterfoil_verify::FeedResponse;

use crate::administration::Admin;
use crate::client::{Request, Response};
use crate::test_server::{TestServer, text};

/// A new verifier key.
pub(crate) async fn add_key(server: &TestServer) -> String {
    let made = server.app.administer(Command::VerifierKeyAdd { name: "orders".into() }).await.unwrap();
    text(&made, "key").to_owned()
}

/// A verifier that follows the feed as the protocol says, except that it verifies nothing.
struct TestFollower<'s> {
    server: &'s TestServer,
    key: String,
    instance: &'static str,
    poll: u64,
    position: Option<(u64, String)>,
    /// Every subject that it was told.
    subjects: Vec<String>,
}

impl<'s> TestFollower<'s> {
    fn new(server: &'s TestServer, key: &str, instance: &'static str) -> Self {
        Self { server, key: key.to_owned(), instance, poll: 0, position: None, subjects: Vec::new() }
    }

    /// A follower that knows the whole log.
    async fn start(server: &'s TestServer, key: &str, instance: &'static str) -> Self {
        let mut follower = Self::new(server, key, instance);
        while !follower.poll(0).await.is_complete() {}
        follower
    }

    fn path(&self, wait_ms: u64) -> String {
        let position =
            self.position.as_ref().map_or(String::new(), |(after, log)| format!("&after={after}&log={log}"));
        format!("/v1/feed?instance={}&poll={}&wait={wait_ms}{position}", self.instance, self.poll)
    }

    /// Sends the next poll and applies its response.
    async fn poll(&mut self, wait_ms: u64) -> FeedResponse {
        self.poll += 1;
        let response = Request::get(&self.path(wait_ms)).bearer(&self.key).send(self.server).await;
        assert_eq!(response.status, 200, "{response:?}");
        let feed: FeedResponse = serde_json::from_slice(&response.body).unwrap();
        assert!(feed.answers(&self.instance.parse().unwrap(), self.poll));
        self.subjects.extend(feed.entries.iter().map(|entry| entry.subject.to_string()));
        self.position = Some((feed.next.number(), feed.log.to_string()));
        feed
    }
}

/// Revokes with a wait for the fleet. Returns the response and how long it took.
pub(crate) async fn revoke_everywhere(server: &TestServer, subject: &str) -> (Value, Duration) {
    let admin = Admin::new(server).await;
    let started = Instant::now();
    let body = json!({ "subject": subject, "wait": "fleet" });
    let answer = admin.send_ok("POST", "/v1/revocations", &body).await;
    (answer, started.elapsed())
}

/// Sends a poll with these parameters.
async fn poll(server: &TestServer, key: &str, parameters: &str) -> Response {
    Request::get(&format!("/v1/feed?{parameters}")).bearer(key).send(server).await
}

/// Calls the routes of the feed in many variants, and records the statuses.
pub(crate) async fn call_every_route(seen: &mut BTreeSet<(String, String, String)>) {
    let once = RateLimit { max: 1, window: Duration::from_secs(900) };
    let server = TestServer::open().await;
    let limited = TestServer::with(|settings| {
        settings.feed.polls_per_key = once;
        settings.feed.max_streams_per_key = 0;
    })
    .await;
    let (key, limited_key) = (add_key(&server).await, add_key(&limited).await);
    for path in ["/v1/feed", "/v1/feed/stream"] {
        let query = if path == "/v1/feed" { "?instance=a&poll=1&wait=0" } else { "" };
        // A stream does not end by itself.
        let call = || Request::new("HEAD", &format!("{path}{query}"));
        let mut statuses = vec![
            call().send(&server).await.status,
            call().bearer(&key).send(&server).await.status,
            call().bearer(&key).bearer("cfv_other").send(&server).await.status,
            Request::get(&format!("{path}?unknown=1")).bearer(&key).send(&server).await.status,
        ];
        if path == "/v1/feed" {
            let poll = Request::get("/v1/feed?instance=a&poll=2&wait=0").bearer(&key);
            statuses.push(poll.send(&server).await.status);
        }
        for _ in 0..2 {
            statuses.push(call().bearer(&limited_key).send(&limited).await.status);
        }
        for status in statuses {
            seen.insert((path.to_owned(), "get".to_owned(), status.to_string()));
        }
    }
    server.app.close().await.unwrap();
    for path in ["/v1/feed", "/v1/feed/stream"] {
        let status = Request::get(path).bearer(&key).send(&server).await.status;
        seen.insert((path.to_owned(), "get".to_owned(), status.to_string()));
    }
}
