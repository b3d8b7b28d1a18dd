//! Limits how many new connections may be pending, so that a burst does not delay established ones.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The number of connections per CPU that may be open without having sent a request. The requests of that
/// many connections may arrive at once and delay others.
const MAX_UNHEARD_PER_CPU: usize = 4;

/// How long a new connection waits for one of the others to send a request. Then it is accepted all the same,
/// so that clients which connect and stay silent cannot block others; they only slow new connections down.
const ADMISSION_TIMEOUT: Duration = Duration::from_millis(1);

/// Counts the connections that have not sent a request yet.
///
/// `cargo xtask soak load-spike` measures it together with the low priority of the hash threads. The p99
/// latency of other requests during 1,000 logins was 25-138 ms without both, and 1-8 ms with both and a Tokio
/// event interval of 8.
#[derive(Debug)]
pub(crate) struct AdmissionControl(Arc<Semaphore>);

/// Counts one connection as pending until it is dropped.
#[derive(Debug)]
pub(crate) struct AdmissionPermit(
    #[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit,
);

impl AdmissionControl {
    /// Starts without pending connections.
    pub(crate) fn new() -> Self {
        let cpus = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(MAX_UNHEARD_PER_CPU * cpus)))
    }

    /// Waits until another connection may be pending. After [`ADMISSION_TIMEOUT`] it returns `None`: the
    /// connection is accepted without being counted.
    pub(crate) async fn admit(&self) -> Option<AdmissionPermit> {
        let permit = timeout(ADMISSION_TIMEOUT, Arc::clone(&self.0).acquire_owned()).await.ok()?;
        // The semaphore is never closed.
        permit.ok().map(AdmissionPermit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_the_limit_a_connection_waits_for_a_permit_or_the_timeout() {
        let admission = AdmissionControl(Arc::new(Semaphore::new(2)));
        let first = admission.admit().await;
        let second = admission.admit().await;
        assert!(first.is_some() && second.is_some());

        assert!(admission.admit().await.is_none(), "it is accepted without a permit");

        drop(first);
        assert!(admission.admit().await.is_some());
    }
}
