//! How an attempt of a client ended: one of a few words.

use std::sync::atomic::{AtomicU64, Ordering};

use counterfoil_core::services::ServiceError;
use counterfoil_core::{ClientError, InvalidCredential};
use counterfoil_verify::AuthError;

use crate::http::error::{AppError, NotLetIn};

/// How it ended; its number is its place in [`Outcome::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client has what it asked for.
    Accepted,
    /// The password or the credential was not good.
    Refused,
    /// A spent refresh token: its login was ended by this.
    Replayed,
    /// Too many of this kind have failed before.
    Throttled,
    /// The request was not one that could be granted, whoever asks.
    Invalid,
    /// We could not do it: a store, the hash pool, the clock.
    Unavailable,
}

impl Outcome {
    /// All of them with their words.
    pub(crate) const ALL: [(Self, &str); 6] = [
        (Self::Accepted, "success"),
        (Self::Refused, "failure"),
        (Self::Replayed, "reuse_detected"),
        (Self::Throttled, "rate_limited"),
        (Self::Invalid, "invalid"),
        (Self::Unavailable, "unavailable"),
    ];

    fn of_error(error: &AppError) -> Self {
        match error {
            AppError::Trouble(ServiceError::Client(refusal)) => Self::of_refusal(refusal),
            AppError::Trouble(ServiceError::Internal(_))
            | AppError::Clock(_)
            | AppError::TooLate
            | AppError::Panicked
            | AppError::AuthError(NotLetIn {
                denied: AuthError::Unavailable | AuthError::StaleRevocations,
                ..
            }) => Self::Unavailable,
            AppError::AuthError(_) => Self::Refused,
            _ => Self::Invalid,
        }
    }

    fn of_refusal(refusal: &ClientError) -> Self {
        match refusal {
            ClientError::Credential(InvalidCredential::RefreshReuseDetected) => Self::Replayed,
            ClientError::LoginFailed | ClientError::Credential(_) => Self::Refused,
            ClientError::RateLimited(_) => Self::Throttled,
            _ => Self::Invalid,
        }
    }
}

/// Counts how attempts of one kind ended.
#[derive(Debug, Default)]
pub(crate) struct Outcomes([AtomicU64; Outcome::ALL.len()]);

impl Outcomes {
    /// Counts how this one ended, and hands it on.
    pub(crate) fn count<T>(&self, ended: Result<T, AppError>) -> Result<T, AppError> {
        let outcome = ended.as_ref().map_or_else(Outcome::of_error, |_| Outcome::Accepted);
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
        ended
    }

    /// How many ended so.
    pub(crate) fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_outcome_has_its_own_place() {
        for (place, (outcome, _)) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
    }

    #[test]
    fn what_ended_an_attempt_is_told_by_its_word() {
        let outcomes = Outcomes::default();
        for refusal in [
            ClientError::LoginFailed,
            InvalidCredential::Expired.into(),
            InvalidCredential::RefreshReuseDetected.into(),
            ClientError::RateLimited(Duration::ZERO),
            ClientError::UsernameTaken,
        ] {
            assert!(outcomes.count::<()>(Err(refusal.into())).is_err());
        }
        assert!(outcomes.count::<()>(Err(crate::clock::ClockJumpPending.into())).is_err());
        assert!(outcomes.count(Ok(())).is_ok());

        let counted = Outcome::ALL.map(|(outcome, _)| outcomes.of(outcome));
        assert_eq!(counted, [1, 2, 1, 1, 1, 1]);
    }
}
