//! A small verifier that follows the feed, of which hundreds run in one thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use counterfoil_jose::{Algorithm, JwkSet, Time};
use counterfoil_verify::{FeedResponse, LocalVerifier, Revocations, TokenVerifier};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::{sleep, timeout};

use crate::http::{Request, send};
use crate::load::AsyncConnection;

/// The issuer of all scenarios.
pub(crate) const ISSUER: &str = "http://localhost:7600";

/// How long a first poll may take. Later ones may take half of the lease: a third of it is the wait.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);

/// The pauses after failed polls: one after the other, the last one repeatedly.
const BACKOFF_MS: [u64; 4] = [10, 30, 100, 200];

/// What a verifier says about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid and not revoked, and the revocations are fresh.
    Accepted,
    /// It is invalid or revoked.
    Refused,
    /// The lease has run out.
    Stale,
}

/// What a verifier knows. Any number of threads may ask it.
pub struct View {
    verifier: LocalVerifier,
    /// The end of the lease by the clock that counts through suspend, in milliseconds.
    fresh_until_ms: AtomicU64,
}

impl View {
    /// A view without a lease.
    pub fn new(tokens: Arc<TokenVerifier>) -> Self {
        let verifier = LocalVerifier::new(tokens, Arc::new(Revocations::new()), now);
        Self { verifier, fresh_until_ms: AtomicU64::new(0) }
    }

    /// Verifies a token. The clock is read after the lookup.
    pub fn verify(&self, token: &str) -> Verdict {
        match self.verifier.verify(token, now()) {
            Err(_) => Verdict::Refused,
            Ok(_) if uptime_ms() < self.fresh_until_ms.load(Ordering::SeqCst) => Verdict::Accepted,
            Ok(_) => Verdict::Stale,
        }
    }

    /// Whether it has a lease.
    pub fn is_fresh(&self) -> bool {
        uptime_ms() < self.fresh_until_ms.load(Ordering::SeqCst)
    }
}

/// Fetches the keys of the issuer at `address`, for tokens with this audience.
///
/// # Errors
///
/// If there are none.
pub fn fetch_token_verifier(address: SocketAddr, audience: &str) -> Result<Arc<TokenVerifier>> {
    let response = send(address, &Request::get("/.well-known/jwks.json"))?;
    ensure!(response.status == 200, "the keys get {}", response.status);
    let keys = JwkSet::from_json(&response.body)?.to_key_set(&[Algorithm::Es256]);
    ensure!(!keys.is_empty(), "the issuer has no keys");
    Ok(Arc::new(TokenVerifier::builder(ISSUER, audience, &[Algorithm::Es256]).build(keys)?))
}

/// The loop that keeps a [`View`] up to date.
pub struct Follower {
    connection: AsyncConnection,
    key: String,
    instance: String,
    polls: u64,
    position: Option<String>,
    timeout: Duration,
    view: Arc<View>,
}

impl Follower {
    /// A follower of the issuer at `address`, with an instance id of its own.
    pub fn new(address: SocketAddr, key: &str, instance: &str, view: Arc<View>) -> Self {
        Self {
            connection: AsyncConnection::new(address),
            key: key.to_owned(),
            instance: instance.to_owned(),
            polls: 0,
            position: None,
            timeout: FIRST_TIMEOUT,
            view,
        }
    }

    /// Follows until the task is ended.
    pub async fn run(mut self) {
        let mut failures = 0;
        loop {
            match self.poll().await {
                Ok(()) => failures = 0,
                Err(_) => {
                    self.connection.close();
                    let pause = BACKOFF_MS.get(failures).or(BACKOFF_MS.last()).copied().unwrap_or_default();
                    failures += 1;
                    sleep(Duration::from_millis(pause)).await;
                }
            }
        }
    }

    /// Sends one poll and applies its response.
    ///
    /// # Errors
    ///
    /// If there is no response in time, or it is not one to this poll.
    pub async fn poll(&mut self) -> Result<()> {
        self.polls += 1;
        let position = self.position.as_deref().unwrap_or_default();
        let path = format!("/v1/feed?instance={}&poll={}{position}", self.instance, self.polls);
        let request = Request::get(&path).bearer(&self.key);
        let sent_ms = uptime_ms();
        let response = timeout(self.timeout, self.connection.send(&request)).await??;
        ensure!(response.status == 200, "the poll gets {}", response.status);
        let feed: FeedResponse = serde_json::from_slice(&response.body)?;
        let instance = self.instance.parse().context("an instance id")?;
        ensure!(feed.answers(&instance, self.polls), "the response is for another poll");
        self.view.verifier.revocations().publish(&feed.revocations(), feed.next);
        if feed.is_complete() {
            self.view.fresh_until_ms.store(sent_ms + feed.lease_ms, Ordering::SeqCst);
        }
        self.timeout = Duration::from_millis(feed.lease_ms / 2);
        self.position = Some(format!("&after={}&log={}", feed.next, feed.log));
        Ok(())
    }
}

/// The wall clock.
fn now() -> Time {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix_ms(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}

/// The clock that counts through suspend, in milliseconds.
fn uptime_ms() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.unsigned_abs() * 1_000 + time.tv_nsec.unsigned_abs() / 1_000_000
}
