//! Counters of login, refresh, registration and password change attempts, by outcome.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use counterfoil_core::services::ServiceError;
use counterfoil_core::{ClientError, InvalidCredential};

use crate::counters::Label;

/// The outcome of an attempt.
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
    /// All outcomes.
    pub(crate) const ALL: [Self; 6] = [
        Self::Success,
        Self::Failure,
        Self::ReuseDetected,
        Self::RateLimited,
        Self::Invalid,
        Self::Unavailable,
    ];

    /// The value of the label `result`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::ReuseDetected => "reuse_detected",
            Self::RateLimited => "rate_limited",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How an attempt that a service rejected, or in which it failed, is counted.
pub(crate) fn service_outcome(error: &ServiceError) -> Outcome {
    match error {
        ServiceError::Client(error) => client_outcome(error),
        ServiceError::Internal(_) => Outcome::Unavailable,
    }
}

fn client_outcome(error: &ClientError) -> Outcome {
    match error {
        ClientError::Credential(InvalidCredential::RefreshReuseDetected) => Outcome::ReuseDetected,
        ClientError::LoginFailed(_) | ClientError::PasswordChangeFailed(_) | ClientError::Credential(_) => {
            Outcome::Failure
        }
        ClientError::RateLimited(_) => Outcome::RateLimited,
        ClientError::Client(_)
        | ClientError::NotGranted(_)
        | ClientError::UsernameTaken
        | ClientError::NotFound(_)
        | ClientError::AlreadyExists(_)
        | ClientError::LastAdministrator
        | ClientError::Field { .. }
        | ClientError::RefusedValue { .. }
        | ClientError::Precondition
        | ClientError::TooLarge => Outcome::Invalid,
    }
}

/// Counts attempts of one kind by outcome.
#[derive(Debug)]
pub(crate) struct Outcomes(Family<Label, Counter>);

impl Default for Outcomes {
    /// Every series starts at zero, except for `reuse_detected`, which only refreshes have.
    fn default() -> Self {
        let outcomes = Self(Family::default());
        for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::ReuseDetected) {
            outcomes.total(outcome);
        }
        outcomes
    }
}

impl Outcomes {
    /// Counts an attempt and returns its result unchanged.
    pub(crate) fn count<T, E>(&self, result: Result<T, E>) -> Result<T, E>
    where
        Outcome: for<'a> From<&'a E>,
    {
        let outcome = result.as_ref().map_or_else(Outcome::from, |_| Outcome::Success);
        self.0.get_or_create(&[("result", outcome.as_str())]).inc();
        result
    }

    /// The number of attempts with this outcome.
    pub(crate) fn total(&self, outcome: Outcome) -> u64 {
        self.0.get_or_create(&[("result", outcome.as_str())]).get()
    }

    /// The counters, to register them for export.
    pub(crate) fn family(&self) -> Family<Label, Counter> {
        self.0.clone()
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
    fn each_outcome_but_reuse_has_a_series_before_its_first_attempt() {
        let family = Outcomes::default().family();

        for outcome in Outcome::ALL {
            let series = family.get(&[("result", outcome.as_str())]);
            assert_eq!(series.is_some(), outcome != Outcome::ReuseDetected, "{outcome:?}");
        }
    }

    #[test]
    fn each_result_is_counted_under_its_outcome() {
        let outcomes = Outcomes::default();
        for failed in Outcome::ALL.into_iter().skip(1) {
            assert_eq!(outcomes.count::<(), _>(Err(failed)), Err(failed));
        }
        assert_eq!(outcomes.count::<_, Outcome>(Ok(())), Ok(()));

        assert_eq!(Outcome::ALL.map(|outcome| outcomes.total(outcome)), [1; 6]);
    }
}
