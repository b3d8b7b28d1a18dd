//! The future that resolves when the credential of a principal is no longer accepted.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::timeout;

use counterfoil_jose::Time;

use crate::credential_end::CredentialEnd;
use crate::credential_monitor::CredentialMonitor;
use crate::principal::Principal;
use crate::revocation::freshness::Freshness;
use crate::revocation::waiters::Waiter;

/// The longest time between two looks at the clock. The timer does not count while the machine is suspended, and the clock
/// can be set forward; this is how much later an expiry may be noticed then.
const MAX_SLEEP: Duration = Duration::from_secs(30);

/// The shortest sleep, so that a clock that stands still costs no processor.
const MIN_SLEEP: Duration = Duration::from_millis(1);

/// Resolves when the credential of a principal is no longer accepted, and says why; see [`Principal::ended`].
///
/// It must be polled on a tokio runtime with a timer. While it waits it takes less than 2 KiB; dropping it frees that.
/// It can be polled again after it has resolved, and gives the same result.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Ended {
    principal: Principal,
    accept_stale: Duration,
    state: State,
}

enum State {
    /// Not polled yet: nothing is allocated.
    New,
    Waiting(Pin<Box<dyn Future<Output = CredentialEnd> + Send>>),
    Ended(CredentialEnd),
}

impl Ended {
    pub(crate) const fn new(principal: Principal) -> Self {
        Self { principal, accept_stale: Duration::ZERO, state: State::New }
    }

    /// Goes on for this long after the revocations have become out of date, as the stale policy of the same name does for
    /// requests. Call it before the future is polled.
    ///
    /// The danger: while the verifier is cut off from its issuer, a connection stays open for this long after a logout.
    pub fn danger_accept_stale(mut self, bound: Duration) -> Self {
        self.accept_stale = bound;
        self
    }
}

impl Future for Ended {
    type Output = CredentialEnd;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CredentialEnd> {
        if let State::New = self.state {
            self.state = State::Waiting(Box::pin(wait(self.principal.clone(), self.accept_stale)));
        }
        let end = match &mut self.state {
            State::Waiting(waiting) => std::task::ready!(waiting.as_mut().poll(cx)),
            State::Ended(end) => *end,
            State::New => unreachable!("it was replaced above"),
        };
        // Frees its place.
        self.state = State::Ended(end);
        Poll::Ready(end)
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("principal", &self.principal)
            .field("accept_stale", &self.accept_stale)
            .finish_non_exhaustive()
    }
}

async fn wait(principal: Principal, accept_stale: Duration) -> CredentialEnd {
    // Nothing would say when it ends, and unknown is denied.
    let Some(monitor) = principal.monitor() else { return CredentialEnd::Unavailable };
    // Before the first check, so that no entry is missed between the two.
    let waiter = Waiter::register(monitor.revocations(), principal.revocation_query());
    let mut accepted_until = Time::EPOCH;
    loop {
        match check(&principal, &**monitor, accept_stale, accepted_until).await {
            Err(end) => return end,
            Ok(next) => {
                accepted_until = next.accepted_until;
                let woken = poll_fn(|cx| waiter.poll_woken(cx));
                // Whether it was woken or the time is over, everything is checked again.
                let _ = timeout(next.sleep.clamp(MIN_SLEEP, MAX_SLEEP), woken).await;
            }
        }
    }
}

/// A credential that is accepted now.
struct Accepted {
    /// Until when, if nothing revokes it and its session is not used.
    accepted_until: Time,
    /// How long nothing can end it but a revocation.
    sleep: Duration,
}

async fn check(
    principal: &Principal,
    monitor: &dyn CredentialMonitor,
    accept_stale: Duration,
    mut accepted_until: Time,
) -> Result<Accepted, CredentialEnd> {
    let status = monitor.revocations().check(principal.revocation_query());
    if let Some(revoked) = status.revoked {
        return Err(revoked.into());
    }
    // Read after the look-up, so that what the look-up said is never older than its freshness.
    let now = monitor.now();
    if !status.freshness.is_fresh(|| now - accept_stale) {
        return Err(CredentialEnd::Unavailable);
    }
    if now >= accepted_until {
        accepted_until = monitor.accepted_until(principal, now).await?;
    }
    if now >= accepted_until {
        return Err(CredentialEnd::Expired);
    }
    let check_at = match status.freshness {
        Freshness::Always => accepted_until,
        Freshness::Until(end) => accepted_until.min(end + accept_stale),
    };
    Ok(Accepted { accepted_until, sleep: check_at.since(now) })
}
