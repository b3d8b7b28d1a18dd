//! How long what a verifier knows of the revocations may be relied on.

use counterfoil_jose::Time;

/// Until when a view of the revocations may be used to accept.
///
/// A verifier that is cut off from the issuer cannot know what was revoked since; when its lease is
/// over it refuses, it does not guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// For as long as the process lives: the issuer itself, which publishes before it answers.
    Always,
    /// Until this instant, by the clock that the verifier was given.
    Until(Time),
}

impl Freshness {
    /// Whether the view may still be relied on. The clock is read only where that matters, and
    /// after the caller has looked into the view: an answer is never older than its freshness.
    pub fn is_fresh(self, clock: impl FnOnce() -> Time) -> bool {
        match self {
            Self::Always => true,
            Self::Until(end) => clock() < end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    #[test]
    fn a_lease_holds_until_its_last_millisecond_and_not_longer() {
        let lease = Freshness::Until(NOON);

        assert!(lease.is_fresh(|| Time::from_unix_ms(NOON.unix_ms() - 1)));
        assert!(!lease.is_fresh(|| NOON));
    }

    #[test]
    fn the_issuers_own_view_needs_no_clock() {
        assert!(Freshness::Always.is_fresh(|| unreachable!("the clock is not read")));
    }
}
