//! Counts the requests of one connection, to find out when it is idle.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::server::admission::AdmissionPermit;

/// How often a connection is checked during its idle timeout. It is closed after the timeout at the earliest,
/// and one check later at the latest.
const CHECKS_PER_TIMEOUT: u32 = 4;

/// The requests of one connection: how many it has sent, and how many are in progress.
///
/// It has two counters and no clock, so a request costs two additions.
#[derive(Debug, Default)]
pub(crate) struct ConnectionActivity {
    received: AtomicU32,
    in_progress: AtomicU32,
    admission: Mutex<Option<AdmissionPermit>>,
}

/// A request in progress, until this is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest(Arc<ConnectionActivity>);

impl ConnectionActivity {
    /// A new connection. It holds `admission` until its first request.
    pub(crate) fn new(admission: Option<AdmissionPermit>) -> Self {
        Self { admission: Mutex::new(admission), ..Self::default() }
    }

    /// Counts a request as in progress until the result is dropped.
    pub(crate) fn start_request(self: &Arc<Self>) -> ActiveRequest {
        if self.received.fetch_add(1, Ordering::Relaxed) == 0 {
            self.admission.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        ActiveRequest(Arc::clone(self))
    }

    /// Whether the connection has sent a request.
    pub(crate) fn has_received_request(&self) -> bool {
        self.received.load(Ordering::Relaxed) > 0
    }

    /// Waits until no request was received within `first_request_timeout`, or none was received or in
    /// progress for `idle_timeout`. HTTP/2 pings do not count, so a client cannot keep an unused connection
    /// open with them.
    pub(crate) async fn wait_until_idle(&self, first_request_timeout: Duration, idle_timeout: Duration) {
        sleep(first_request_timeout).await;
        let mut idle_checks = 0;
        let mut seen = self.received.load(Ordering::Relaxed);
        while self.has_received_request() && idle_checks < CHECKS_PER_TIMEOUT {
            sleep(idle_timeout / CHECKS_PER_TIMEOUT).await;
            let received = self.received.load(Ordering::Relaxed);
            let is_idle = received == seen && self.in_progress.load(Ordering::Relaxed) == 0;
            idle_checks = if is_idle { idle_checks + 1 } else { 0 };
            seen = received;
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_millis(20);
    const IDLE_TIMEOUT: Duration = Duration::from_millis(80);
    /// Long enough on a busy machine.
    const MAX_WAIT: Duration = Duration::from_secs(20);

    async fn idle_after(
        activity: &ConnectionActivity,
        idle_timeout: Duration,
        max_wait: Duration,
    ) -> Option<Duration> {
        let started = Instant::now();
        let idle = activity.wait_until_idle(FIRST_REQUEST_TIMEOUT, idle_timeout);
        timeout(max_wait, idle).await.ok().map(|()| started.elapsed())
    }

    #[tokio::test]
    async fn a_connection_without_a_request_is_idle_after_the_first_request_timeout() {
        let activity = ConnectionActivity::default();

        let elapsed = idle_after(&activity, 100 * MAX_WAIT, MAX_WAIT).await.unwrap();

        assert!(elapsed >= FIRST_REQUEST_TIMEOUT, "{elapsed:?}");
    }

    #[tokio::test]
    async fn the_idle_timeout_starts_when_the_last_request_ends() {
        let activity = Arc::new(ConnectionActivity::default());
        let request = activity.start_request();
        assert_eq!(idle_after(&activity, IDLE_TIMEOUT, 4 * IDLE_TIMEOUT).await, None);
        drop(request);

        let elapsed = idle_after(&activity, IDLE_TIMEOUT, MAX_WAIT).await.unwrap();

        assert!(elapsed >= FIRST_REQUEST_TIMEOUT + IDLE_TIMEOUT, "{elapsed:?}");
    }

    #[tokio::test]
    async fn regular_requests_keep_the_connection_open() {
        let activity = Arc::new(ConnectionActivity::default());
        drop(activity.start_request());
        let requests = async {
            for _ in 0..20 {
                sleep(IDLE_TIMEOUT / 8).await;
                drop(activity.start_request());
            }
        };

        tokio::select! {
            () = requests => {}
            () = activity.wait_until_idle(FIRST_REQUEST_TIMEOUT, 10 * IDLE_TIMEOUT) => {
                panic!("the connection became idle between two requests")
            }
        }
    }
}
