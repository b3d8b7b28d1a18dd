//! Counters of login, refresh, registration and password change attempts, by outcome.

use std::sync::atomic::{AtomicU64, Ordering};

/// The outcome of an attempt. Its number is its index in [`Outcome::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The request was granted.
    Success,
    /// The password or the credential was wrong.
    Failure,
    /// A used refresh token was presented after the grace period; its session was ended.
    ReuseDetected,
    /// Rejected by a rate limit.
    RateLimited,
    /// The request was invalid, or not allowed.
    Invalid,
    /// The store, the hash pool or the clock was unavailable.
    Unavailable,
}

impl Outcome {
    /// All outcomes, with the value of the label `result`.
    pub(crate) const ALL: [(Self, &str); 6] = [
        (Self::Success, "success"),
        (Self::Failure, "failure"),
        (Self::ReuseDetected, "reuse_detected"),
        (Self::RateLimited, "rate_limited"),
        (Self::Invalid, "invalid"),
        (Self::Unavailable, "unavailable"),
    ];
}

/// Counts attempts of one kind by outcome.
#[derive(Debug, Default)]
pub(crate) struct Outcomes([AtomicU64; Outcome::ALL.len()]);

impl Outcomes {
    /// Counts an attempt and returns its result unchanged.
    pub(crate) fn count<T, E>(&self, result: Result<T, E>) -> Result<T, E>
    where
        Outcome: for<'a> From<&'a E>,
    {
        let outcome = result.as_ref().map_or_else(Outcome::from, |_| Outcome::Success);
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
        result
    }

    /// The number of attempts with this outcome.
    pub(crate) fn total(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl From<&Self> for Outcome {
        fn from(outcome: &Self) -> Self {
            *outcome
        }
    }

    #[test]
    fn the_number_of_an_outcome_is_its_index() {
        for (index, (outcome, _)) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }

    #[test]
    fn each_result_is_counted_under_its_outcome() {
        let outcomes = Outcomes::default();
        for (failed, _) in Outcome::ALL.into_iter().skip(1) {
            assert_eq!(outcomes.count::<(), _>(Err(failed)), Err(failed));
        }
        assert_eq!(outcomes.count::<_, Outcome>(Ok(())), Ok(()));

        assert_eq!(Outcome::ALL.map(|(outcome, _)| outcomes.total(outcome)), [1; 6]);
    }
}
