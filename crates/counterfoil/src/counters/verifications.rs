//! Who was let in: every judgement of a credential, counted around the authenticator.

use std::sync::Arc;

use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_jose::Time;
use counterfoil_verify::{
    AuthError, AuthFuture, Authenticator, InvalidReason, PresentedCredential, Principal,
};

use crate::counters::striped::Striped;

/// How many counters there are: an outcome for each carrier, and the two ends of a look-up.
const COUNTERS: usize = CARRIERS.len() * OUTCOMES.len() + 2;
const HITS: usize = COUNTERS - 2;
const MISSES: usize = COUNTERS - 1;

/// What a credential is, in the order of their counters.
pub(crate) const CARRIERS: [&str; 2] = ["session", "access"];

/// What becomes of it, in the order of [`Judged`].
pub(crate) const OUTCOMES: [&str; 6] = ["accepted", "expired", "revoked", "invalid", "stale", "unavailable"];

/// What a judgement came to; its number is its place.
#[derive(Clone, Copy)]
enum Judged {
    Accepted,
    Expired,
    Revoked,
    Invalid,
    Stale,
    Unavailable,
}

/// Judgements by carrier and outcome, and how many sessions were judged from memory.
#[derive(Debug, Default)]
pub(crate) struct Verifications(Striped<COUNTERS>);

impl Verifications {
    fn count(&self, carrier: usize, judged: &Result<Principal, AuthError>) {
        self.0.count(carrier * OUTCOMES.len() + Judged::of(judged) as usize);
    }

    /// How many there were of this carrier and this outcome, by their places.
    pub(crate) fn of(&self, carrier: usize, outcome: usize) -> u64 {
        self.0.total(carrier * OUTCOMES.len() + outcome)
    }

    /// How many session tokens were judged from memory, and for how many the store was asked.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.0.total(HITS), self.0.total(MISSES))
    }
}

impl Judged {
    fn of(judged: &Result<Principal, AuthError>) -> Self {
        match judged {
            Ok(_) => Self::Accepted,
            Err(AuthError::StaleRevocations) => Self::Stale,
            Err(AuthError::Unavailable) => Self::Unavailable,
            Err(AuthError::InvalidCredential(reason)) => Self::of_reason(reason),
            Err(_) => Self::Invalid,
        }
    }

    fn of_reason(reason: &InvalidReason) -> Self {
        match reason {
            InvalidReason::Expired | InvalidReason::SessionRejected("expired") => Self::Expired,
            InvalidReason::Revoked(_) | InvalidReason::SessionRejected("ended" | "marked" | "disabled") => {
                Self::Revoked
            }
            _ => Self::Invalid,
        }
    }
}

/// An authenticator whose judgements are counted. Requests that show nothing are not.
#[derive(Clone)]
pub(crate) struct Counting {
    inner: Arc<StoreAuthenticator>,
    tally: Arc<Verifications>,
}

impl Counting {
    /// Counts what `inner` says in `tally`.
    pub(crate) fn new(inner: StoreAuthenticator, tally: Arc<Verifications>) -> Self {
        Self { inner: Arc::new(inner), tally }
    }

    /// Where memory knew the answer it was there at once.
    fn look_up(&self, carrier: usize, decision: &AuthFuture) {
        if carrier == 0 {
            let place = if matches!(decision, AuthFuture::Ready(_)) { HITS } else { MISSES };
            self.tally.0.count(place);
        }
    }
}

impl Authenticator for Counting {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        let carrier = match presented {
            PresentedCredential::None => return self.inner.authenticate(presented, now),
            PresentedCredential::SessionToken(_) => 0,
            PresentedCredential::AccessToken(_) => 1,
        };
        let decision = self.inner.authenticate(presented, now);
        self.look_up(carrier, &decision);
        match decision {
            AuthFuture::Ready(judged) => {
                self.tally.count(carrier, &judged);
                AuthFuture::Ready(judged)
            }
            AuthFuture::Pending(judging) => {
                let tally = Arc::clone(&self.tally);
                AuthFuture::Pending(Box::pin(async move {
                    let judged = judging.await;
                    tally.count(carrier, &judged);
                    judged
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome_of(denied: AuthError) -> &'static str {
        OUTCOMES[Judged::of(&Err(denied)) as usize]
    }

    #[test]
    fn each_way_of_being_turned_away_has_its_word() {
        assert_eq!(outcome_of(InvalidReason::Expired.into()), "expired");
        assert_eq!(outcome_of(InvalidReason::SessionRejected("expired").into()), "expired");
        assert_eq!(outcome_of(InvalidReason::SessionRejected("ended").into()), "revoked");
        assert_eq!(outcome_of(InvalidReason::SessionRejected("unknown").into()), "invalid");
        assert_eq!(outcome_of(InvalidReason::WrongIssuer.into()), "invalid");
        assert_eq!(outcome_of(AuthError::StaleRevocations), "stale");
        assert_eq!(outcome_of(AuthError::Unavailable), "unavailable");
    }
}
