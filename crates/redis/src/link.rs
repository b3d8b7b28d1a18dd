//! The connection to Redis: calls with a time-out, and the task that connects again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::{Cmd, FromRedisValue};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use counterfoil_core::store::session_cache::shared::SharedCacheMetrics;

use crate::breaker::{Breaker, Failure};
use crate::cluster_diagnosis::diagnose;
use crate::connect_error::ConnectError;
use crate::connection::{Connection, Health, check_command};
use crate::url::RedisUrl;

/// How long a call may take. Redis answers in less than a millisecond; a request that waits longer is better served by the store.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_millis(100);

/// How often a connection is checked: one that hangs is given up within a second, even if nothing else uses it.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// How often the URL is read again while there is a connection.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// The wait after the first failed attempt to connect, and the longest.
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Reads the URL again. `None` if it cannot be read.
pub(crate) type ReloadUrl = Box<dyn Fn() -> Option<RedisUrl> + Send + Sync>;

/// A call was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallError {
    /// There is no connection.
    NotConnected,
    /// It took too long, or failed.
    Failed,
}

/// The current connection, if there is one. Calls never wait for it.
#[derive(Default)]
pub(crate) struct Link {
    current: ArcSwapOption<Open>,
    generation: AtomicU64,
    closed: Notify,
    pub(crate) metrics: SharedCacheMetrics,
}

struct Open {
    connection: Connection,
    breaker: Breaker,
    generation: u64,
}

impl Link {
    /// The number of connections that were made.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Sends a command.
    pub(crate) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CallError> {
        let Some(open) = self.current.load_full() else { return Err(CallError::NotConnected) };
        match timeout(CALL_TIMEOUT, open.connection.clone().call(command)).await {
            Ok(Ok(value)) => {
                open.breaker.record_success();
                Ok(value)
            }
            Ok(Err(error)) => {
                SharedCacheMetrics::count(&self.metrics.errors);
                self.after(&open, open.connection.health_after(&error), Failure::Error, &error);
                Err(CallError::Failed)
            }
            Err(_) => {
                SharedCacheMetrics::count(&self.metrics.timeouts);
                self.after(&open, Health::Doubtful, Failure::Timeout, &"it did not answer in time");
                Err(CallError::Failed)
            }
        }
    }

    /// Draws the consequence of a failed call.
    fn after(&self, open: &Arc<Open>, health: Health, failure: Failure, reason: &dyn std::fmt::Display) {
        let is_lost = match health {
            Health::Answered => {
                open.breaker.record_success();
                tracing::debug!(%reason, "the cache has refused a command");
                false
            }
            Health::Doubtful => open.breaker.record_failure(failure),
            Health::Lost => true,
        };
        if is_lost {
            self.close(open.generation, reason);
        }
    }

    /// Gives a connection up, unless it has been replaced. No call uses it from here on.
    fn close(&self, generation: u64, reason: &dyn std::fmt::Display) {
        let is_it =
            |open: &Option<Arc<Open>>| open.as_ref().is_some_and(|open| open.generation == generation);
        let before = self.current.rcu(|open| if is_it(open) { None } else { open.clone() });
        if is_it(&before) {
            self.metrics.is_connected.store(false, Ordering::Relaxed);
            tracing::warn!(%reason, "the cache is not used: its connection is lost; sessions are read from the store");
            self.closed.notify_one();
        }
    }

    fn publish(&self, connection: Connection) {
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        let open = Open { connection, breaker: Breaker::default(), generation };
        self.current.store(Some(Arc::new(open)));
        SharedCacheMetrics::count(&self.metrics.connections);
        self.metrics.is_connected.store(true, Ordering::Relaxed);
    }

    /// Connects, checks the connection and connects again, for ever.
    pub(crate) async fn keep_connected(self: Arc<Self>, mut url: RedisUrl, reload: ReloadUrl) {
        let reload = Arc::new(reload);
        let mut attempts = Attempts::default();
        loop {
            match Connection::open(&url).await {
                Ok(connection) => {
                    attempts = Attempts::default();
                    self.publish(connection);
                    tracing::info!(%url, "the cache is connected");
                    self.until_closed(&url, &reload).await;
                }
                Err(error) => {
                    attempts.log(&url, &diagnose(&url, error).await);
                    sleep(attempts.backoff()).await;
                }
            }
            if let Some(read) = read_again(&reload).await {
                url = read;
            }
        }
    }

    /// Checks the current connection until it is lost or the URL is another one.
    async fn until_closed(&self, url: &RedisUrl, reload: &Arc<ReloadUrl>) {
        let mut read_at = Instant::now();
        loop {
            if timeout(CHECK_INTERVAL, self.closed.notified()).await.is_ok() && self.current.load().is_none()
            {
                return;
            }
            // A failure has its consequences in the call.
            let _ = self.call::<()>(&check_command()).await;
            if read_at.elapsed() >= RELOAD_INTERVAL {
                read_at = Instant::now();
                if read_again(reload).await.is_some_and(|read| read != *url) {
                    tracing::info!("the URL of the cache has changed");
                    self.current.store(None);
                    self.metrics.is_connected.store(false, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}

async fn read_again(reload: &Arc<ReloadUrl>) -> Option<RedisUrl> {
    let reload = Arc::clone(reload);
    // It reads a file.
    tokio::task::spawn_blocking(move || reload()).await.ok().flatten()
}

/// The attempts to connect that have failed in a row.
#[derive(Default)]
struct Attempts {
    failed: u32,
    last_error: String,
}

impl Attempts {
    /// Logs the first failure, and each with another reason.
    fn log(&mut self, url: &RedisUrl, error: &ConnectError) {
        let text = error.reason(url);
        if self.last_error != text {
            tracing::warn!(%url, error = text, "the cache cannot be reached; sessions are read from the store");
            self.last_error = text;
        }
        self.failed += 1;
    }

    fn backoff(&self) -> Duration {
        let doubled = 2u32.saturating_pow(self.failed.saturating_sub(1).min(16));
        MIN_BACKOFF.saturating_mul(doubled).min(MAX_BACKOFF)
    }
}
