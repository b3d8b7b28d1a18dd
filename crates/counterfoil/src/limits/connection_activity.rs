//! Counts the requests of one connection, to find out when it is idle.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::limits::admission::{AdmissionControl, AdmissionPermit};
use crate::limits::quota::IpKey;

/// How long a connection has to send its first request, before the next one is admitted in its place and it counts as
/// pending. The request of a client that connects to send one usually arrives together with the connection.
const ADMISSION_PERIOD: Duration = Duration::from_millis(1);

/// How often a connection is checked during its idle timeout. It is closed after the timeout at the earliest,
/// and one check later at the latest.
const CHECKS_PER_TIMEOUT: u32 = 4;

/// The requests of one connection: how many it has sent, and how many are in progress.
///
/// It has two counters and no clock, so a request costs two additions; the first one of a connection also locks the
/// table of connections.
#[derive(Debug)]
pub(crate) struct ConnectionActivity {
    received: AtomicU32,
    in_progress: AtomicU32,
    admission: Mutex<Option<AdmissionPermit>>,
    place: Box<dyn ConnectionPlace>,
}

/// The place of a connection among the open ones.
pub(super) trait ConnectionPlace: fmt::Debug + Send + Sync {
    /// The client IP.
    fn ip(&self) -> IpKey;
    /// Sets the task that is ended to close the connection.
    fn set_task(&self, task: AbortHandle);
    /// The connection had time to send a request and has sent none.
    fn set_pending(&self);
    /// The connection has sent its first request.
    fn set_heard(&self);
}

/// A request in progress, until this is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest(Arc<ConnectionActivity>);

impl ConnectionActivity {
    /// A new connection at this place.
    pub(super) fn new(place: Box<dyn ConnectionPlace>) -> Self {
        Self {
            received: AtomicU32::new(0),
            in_progress: AtomicU32::new(0),
            admission: Mutex::default(),
            place,
        }
    }

    /// Sets the task that serves the connection. It is ended to make room for other connections.
    pub(crate) fn set_task(&self, task: AbortHandle) {
        self.place.set_task(task);
    }

    /// Waits until the connection may be served.
    pub(crate) async fn wait_for_admission(&self, admission: &AdmissionControl) {
        let permit = admission.admit(self.place.ip()).await;
        *self.admission.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }

    /// Runs `serve`, which serves the connection. If it receives no request within [`ADMISSION_PERIOD`], the connection
    /// is pending.
    pub(crate) async fn limit_admission<T>(&self, serve: impl Future<Output = T>) -> T {
        let mut serve = pin!(serve);
        if let Ok(output) = timeout(ADMISSION_PERIOD, serve.as_mut()).await {
            return output;
        }
        self.end_admission();
        serve.await
    }

    /// Counts the connection as pending, unless it has sent a request.
    pub(crate) fn end_admission(&self) {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !self.has_received_request() {
            self.place.set_pending();
        }
    }

    /// Counts a request as in progress until the result is dropped.
    pub(crate) fn start_request(self: &Arc<Self>) -> ActiveRequest {
        if self.received.fetch_add(1, Ordering::Relaxed) == 0 {
            self.admission.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.place.set_heard();
        }
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        ActiveRequest(Arc::clone(self))
    }

    /// Whether no request is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.in_progress.load(Ordering::Relaxed) == 0
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
            let is_idle = received == seen && self.is_idle();
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

    use crate::limits::connections::ConnectionLimiter;
    use crate::settings::limits::Limits;

    use super::*;

    const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_millis(20);
    const IDLE_TIMEOUT: Duration = Duration::from_millis(80);
    /// Long enough on a busy machine.
    const MAX_WAIT: Duration = Duration::from_secs(20);

    fn activity() -> Arc<ConnectionActivity> {
        let limiter = ConnectionLimiter::new(Limits::default(), 64, Vec::new());
        limiter.acquire([192, 0, 2, 1].into()).unwrap().activity()
    }

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
        let activity = activity();

        let elapsed = idle_after(&activity, 100 * MAX_WAIT, MAX_WAIT).await.unwrap();

        assert!(elapsed >= FIRST_REQUEST_TIMEOUT, "{elapsed:?}");
    }

    #[tokio::test]
    async fn the_idle_timeout_starts_when_the_last_request_ends() {
        let activity = activity();
        let request = activity.start_request();
        assert_eq!(idle_after(&activity, IDLE_TIMEOUT, 4 * IDLE_TIMEOUT).await, None);
        drop(request);

        let elapsed = idle_after(&activity, IDLE_TIMEOUT, MAX_WAIT).await.unwrap();

        assert!(elapsed >= FIRST_REQUEST_TIMEOUT + IDLE_TIMEOUT, "{elapsed:?}");
    }

    #[tokio::test]
    async fn regular_requests_keep_the_connection_open() {
        let activity = activity();
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
