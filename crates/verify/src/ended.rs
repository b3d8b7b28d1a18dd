//! The future that resolves when the credential of a principal is no longer accepted.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::Time;

use crate::credential_end::CredentialEnd;
use crate::credential_monitor::{CredentialMonitor, MonitoredCredential};
use crate::revocation::freshness::{AcceptedViews, Freshness};
use crate::revocation::query::RevocationQuery;

/// The longest time between two looks at the clock. The timer does not count while the machine is suspended, and the clock
/// can be set forward; this is how much later an expiry may be noticed then.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// The shortest sleep, so that a clock that stands still costs no processor.
const MIN_SLEEP: Duration = Duration::from_millis(1);

/// Resolves when the credential of a principal is no longer accepted, and says why; see
/// [`Principal::ended`](crate::Principal::ended).
///
/// It must be polled on a tokio runtime with a timer. While it waits it takes less than 2 KiB; dropping it frees that.
/// It can be polled again after it has resolved, and gives the same result.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Ended(State);

enum State {
    /// Not polled yet, and not registered.
    New(Box<Wait>),
    Waiting(Pin<Box<dyn Future<Output = CredentialEnd> + Send>>),
    Ended(CredentialEnd),
}

impl Ended {
    /// Waits for the end of `credential`; without a monitor, of which nothing would say it, it resolves at once.
    pub(crate) fn new(
        monitor: Option<Arc<dyn CredentialMonitor>>,
        query: RevocationQuery,
        credential: MonitoredCredential,
    ) -> Self {
        let Some(monitor) = monitor else { return Self(State::Ended(CredentialEnd::Unavailable)) };
        let accepted_stale = monitor.accepted_stale();
        Self(State::New(Box::new(Wait { monitor, query, credential, accepted_stale })))
    }

    /// Continues for this long after the revocations have become stale, whatever the verifier's own policy is. Call it before
    /// the future is polled.
    ///
    /// The danger: while the verifier is cut off from its issuer, a connection stays open for this long after a logout. A
    /// verifier that follows the feed allows no longer time than the one that it reports to the issuer
    /// (`FeedOptions::danger_let_routes_accept_stale`), because a wait for the fleet counts on that.
    pub fn danger_accept_stale(mut self, bound: Duration) -> Self {
        if let State::New(wait) = &mut self.0 {
            wait.accepted_stale = bound.min(wait.monitor.max_stale());
        }
        self
    }
}

impl Future for Ended {
    type Output = CredentialEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CredentialEnd> {
        if let State::New(wait) = &self.0 {
            self.0 = State::Waiting(Box::pin(Wait::clone(wait).end()));
        }
        if let State::Waiting(waiting) = &mut self.0 {
            let end = ready!(waiting.as_mut().poll(cx));
            // Frees its place.
            self.0 = State::Ended(end);
        }
        match self.0 {
            State::Ended(end) => Poll::Ready(end),
            State::New(_) | State::Waiting(_) => Poll::Pending,
        }
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            State::Ended(end) => f.debug_tuple("Ended").field(&end).finish(),
            State::New(_) | State::Waiting(_) => f.write_str("Ended(..)"),
        }
    }
}

/// What a wait needs to know.
#[derive(Clone)]
struct Wait {
    monitor: Arc<dyn CredentialMonitor>,
    query: RevocationQuery,
    credential: MonitoredCredential,
    accepted_stale: Duration,
}

/// A credential that is accepted now.
struct Accepted {
    /// Until when, if nothing revokes it and its session is not used.
    accepted_until: Time,
    /// How long nothing can end it but a revocation.
    sleep: Duration,
}

impl Wait {
    async fn end(self) -> CredentialEnd {
        // Before the first check, so that no entry is missed between the two.
        let waiter = self.monitor.revocations().waiter(&self.query);
        let mut accepted_until = Time::EPOCH;
        loop {
            let mut checking = pin!(self.check(accepted_until));
            // A revocation is seen also while the end of the session is read.
            let checked = poll_fn(|cx| match waiter.poll_woken(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => checking.as_mut().poll(cx).map(Some),
            });
            match checked.await {
                None => {}
                Some(Err(end)) => return end,
                Some(Ok(accepted)) => {
                    accepted_until = accepted.accepted_until;
                    let woken = poll_fn(|cx| waiter.poll_woken(cx));
                    // Whether it was woken or the time is over, everything is checked again.
                    let _ = timeout(accepted.sleep.clamp(MIN_SLEEP, MAX_SLEEP), woken).await;
                }
            }
        }
    }

    /// Checks the credential as a request with it is checked. `accepted_until` is the answer of the last check.
    async fn check(&self, mut accepted_until: Time) -> Result<Accepted, CredentialEnd> {
        let status = self.monitor.revocations().check(&self.query);
        if let Some(revoked) = status.revoked {
            return Err(revoked.into());
        }
        // Read after the look-up, so that what the look-up said is never older than its freshness.
        let (now, lease_now) = (self.monitor.now(), self.monitor.lease_now());
        let accepted = AcceptedViews::StaleFor(self.accepted_stale);
        if !status.freshness.is_accepted(accepted, || lease_now) {
            return Err(CredentialEnd::Unavailable);
        }
        if now >= accepted_until {
            accepted_until = self.monitor.accepted_until(self.credential, now).await?;
        }
        if now >= accepted_until {
            return Err(CredentialEnd::Expired);
        }
        let until_expiry = accepted_until.since(now);
        let sleep = match status.freshness {
            Freshness::Always => until_expiry,
            Freshness::Until(end) => until_expiry.min((end + self.accepted_stale).since(lease_now)),
        };
        Ok(Accepted { accepted_until, sleep })
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use crate::credential_monitor::AcceptedUntil;
    use crate::revocation::Revocations;
    use crate::revocation::log::RevocationPosition;

    use super::*;

    struct NoMonitor(Arc<Revocations>);

    impl CredentialMonitor for NoMonitor {
        fn revocations(&self) -> &Arc<Revocations> {
            &self.0
        }

        fn now(&self) -> Time {
            Time::EPOCH
        }

        fn accepted_until(&self, credential: MonitoredCredential, _: Time) -> AcceptedUntil {
            Box::pin(ready(Ok(credential.expires_at)))
        }
    }

    #[test]
    fn a_wait_takes_less_than_one_kib_apart_from_its_place_among_the_waiters() {
        let credential = MonitoredCredential {
            session: None,
            position: RevocationPosition::START,
            token_fingerprint: None,
            expires_at: Time::EPOCH,
        };
        let wait = Wait {
            monitor: Arc::new(NoMonitor(Arc::default())),
            query: RevocationQuery::new(RevocationPosition::START),
            credential,
            accepted_stale: Duration::ZERO,
        };

        let size = size_of_val(&wait.end());

        assert!(size < 1024, "{size} bytes");
    }
}
