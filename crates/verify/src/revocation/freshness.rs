//! How long a verifier may rely on the revocations that it knows.

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

impl Freshness {
    /// Whether the view may still be used. The clock is read only for a lease, and must be read after the
    /// lookup in the view, so that an answer is never older than its freshness.
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
    fn a_lease_is_fresh_until_its_last_millisecond() {
        let lease = Freshness::Until(NOON);

        assert!(lease.is_fresh(|| Time::from_unix_ms(NOON.unix_ms() - 1)));
        assert!(!lease.is_fresh(|| NOON));
    }

    #[test]
    fn the_issuers_own_view_needs_no_clock() {
        assert!(Freshness::Always.is_fresh(|| unreachable!("the clock is not read")));
    }
}
