//! What goes on on one connection, as far as one has to know to tell that nothing does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::server::admission::Newcomer;

/// In how many parts the time is cut after which a quiet connection is ended: it ends at the earliest after that
/// time, and a part later at the latest.
const PARTS: u32 = 4;

/// How many requests a connection has brought, and how many of them are being answered.
///
/// Two counters and no clock: a request costs two additions, and a connection is looked at now and then.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    begun: AtomicU32,
    running: AtomicU32,
    newcomer: Mutex<Option<Newcomer>>,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(crate) struct Running(Arc<Traffic>);

impl Traffic {
    /// That of a connection that is new, if it is counted as such until it brings something.
    pub(crate) fn of(newcomer: Option<Newcomer>) -> Self {
        Self { newcomer: Mutex::new(newcomer), ..Self::default() }
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        if self.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            self.newcomer.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// Whether it ever brought a request.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    /// Waits until no request has come within `first`, or none was begun or answered for `idle`. Whatever else a
    /// client sends is no request: pings keep nobody here.
    pub(crate) async fn has_ceased(&self, first: Duration, idle: Duration) {
        sleep(first).await;
        let mut quiet = 0;
        let mut seen = self.begun.load(Ordering::Relaxed);
        while self.has_begun() && quiet < PARTS {
            sleep(idle / PARTS).await;
            let begun = self.begun.load(Ordering::Relaxed);
            let is_quiet = begun == seen && self.running.load(Ordering::Relaxed) == 0;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            seen = begun;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const FIRST: Duration = Duration::from_millis(20);
    const IDLE: Duration = Duration::from_millis(80);
    /// By then even a busy machine has seen it.
    const LONG: Duration = Duration::from_secs(20);

    async fn ceases_after(traffic: &Traffic, idle: Duration, most: Duration) -> Option<Duration> {
        let since = Instant::now();
        timeout(most, traffic.has_ceased(FIRST, idle)).await.ok().map(|()| since.elapsed())
    }

    #[tokio::test]
    async fn who_asks_for_nothing_is_waited_for_no_longer_than_for_headers() {
        let after = ceases_after(&Traffic::default(), 100 * LONG, LONG).await.unwrap();

        assert!(after >= FIRST, "{after:?}");
    }

    #[tokio::test]
    async fn a_request_that_is_being_answered_keeps_the_connection_and_its_end_begins_the_wait() {
        let traffic = Arc::new(Traffic::default());
        let running = traffic.begin();
        assert_eq!(ceases_after(&traffic, IDLE, 4 * IDLE).await, None);
        drop(running);

        let after = ceases_after(&traffic, IDLE, LONG).await.unwrap();

        assert!(after >= FIRST + IDLE, "{after:?}");
    }

    #[tokio::test]
    async fn requests_that_come_now_and_then_keep_the_connection() {
        let traffic = Arc::new(Traffic::default());
        drop(traffic.begin());
        let asking = async {
            for _ in 0..20 {
                sleep(IDLE / 8).await;
                drop(traffic.begin());
            }
        };

        tokio::select! {
            () = asking => {}
            () = traffic.has_ceased(FIRST, 10 * IDLE) => panic!("it was given up between two requests"),
        }
    }
}
