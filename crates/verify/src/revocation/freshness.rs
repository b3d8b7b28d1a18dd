//! How long a verifier may rely on the revocations that it knows.

use std::time::Duration;

use counterfoil_jose::Time;

/// Until when a view of the revocations may be used to accept a credential.
///
/// A verifier that is cut off from the issuer does not learn of new revocations. When its lease expires it
/// rejects every credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As long as the process runs: for the issuer itself, which publishes a revocation before it answers.
    Always,
    /// Until this time, by the clock of the verifier.
    Until(Time),
}

/// Which views of the revocations are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptedViews {
    /// Those whose lease has not ended.
    Fresh,
    /// Also those whose lease has ended less than this ago.
    #[cfg_attr(
        not(feature = "http"),
        allow(dead_code, reason = "only a verifier that follows a feed accepts them")
    )]
    StaleFor(Duration),
    /// Every view: the issuer has been asked.
    #[cfg_attr(
        not(feature = "http"),
        allow(dead_code, reason = "only a verifier that follows a feed accepts them")
    )]
    Any,
}

impl Freshness {
    /// Before the first complete poll of a feed: the view is never fresh, however long stale views are accepted.
    pub const NEVER: Self = Self::Until(Time::EPOCH);

    /// Whether the view may still be used. The clock is read only for a lease, and must be read after the
    /// lookup in the view, so that an answer is never older than its freshness.
    pub fn is_fresh(self, clock: impl FnOnce() -> Time) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => clock() < end,
        }
    }

    /// Whether the view is one of `accepted`. The clock is read as in [`Freshness::is_fresh`].
    pub(crate) fn is_accepted(self, accepted: AcceptedViews, clock: impl FnOnce() -> Time) -> bool {
        match (accepted, self) {
            (AcceptedViews::Fresh, _) | (AcceptedViews::StaleFor(_), Self::Always | Self::NEVER) => {
                self.is_fresh(clock)
            }
            (AcceptedViews::StaleFor(bound), Self::Until(end)) => clock() < end + bound,
            (AcceptedViews::Any, _) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_lease_is_fresh_until_its_last_millisecond() {
        let lease = Freshness::Until(NOON);

        assert!(lease.is_fresh(|| Time::from_unix_ms(NOON.unix_ms() - 1)));
        assert!(!lease.is_fresh(|| NOON));
    }

    #[test]
    fn a_stale_view_is_accepted_for_its_bound_and_one_without_any_poll_never() {
        let accepted = AcceptedViews::StaleFor(Duration::from_secs(30));
        let lease = Freshness::Until(NOON);

        assert!(lease.is_accepted(accepted, || NOON + Duration::from_millis(29_999)));
        assert!(!lease.is_accepted(accepted, || NOON + Duration::from_secs(30)));
        // A machine that was started a second ago.
        assert!(!Freshness::NEVER.is_accepted(accepted, || Time::EPOCH + Duration::from_secs(1)));
        assert!(Freshness::NEVER.is_accepted(AcceptedViews::Any, || NOON));
        assert!(!lease.is_accepted(AcceptedViews::Fresh, || NOON));
    }

    #[test]
    fn the_issuers_own_view_needs_no_clock() {
        assert!(Freshness::Always.is_fresh(|| unreachable!("the clock is not read")));
    }
}
