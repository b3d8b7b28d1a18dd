//! Counts every check of a session token or access token, around the authenticator.

use std::sync::Arc;

use counterfoil_core::InvalidCredential;
use counterfoil_core::services::authenticator::StoreAuthenticator;
use counterfoil_jose::Time;
use counterfoil_verify::{
    AuthError, AuthFuture, Authenticator, InvalidReason, PresentedCredential, Principal,
};

use crate::counters::sharded::ShardedCounter;

/// A counter for each type and result, for session tokens by where the session was found; and one for the sessions that were
/// not in the cache.
const COUNTERS: usize = (CREDENTIAL_TYPES.len() + 1) * CHECK_RESULTS.len() + 1;
const CACHE_MISSES: usize = COUNTERS - 1;

/// The values of the label `type`, in the order of their counters.
pub(crate) const CREDENTIAL_TYPES: [&str; 3] = ["session", "access", "host"];

/// Session tokens that were checked from the cache.
const SESSION: usize = 0;
const ACCESS: usize = 1;
const HOST: usize = 2;
/// Session tokens that needed the store.
const STORED_SESSION: usize = CREDENTIAL_TYPES.len();

/// The values of the label `result`, in the order of [`CheckResult`].
pub(crate) const CHECK_RESULTS: [&str; 6] =
    ["accepted", "expired", "revoked", "invalid", "stale", "unavailable"];

/// The result of one check. Its number is its index in [`CHECK_RESULTS`].
#[derive(Clone, Copy)]
enum CheckResult {
    Accepted,
    Expired,
    Revoked,
    Invalid,
    Stale,
    Unavailable,
}

/// Checks by credential type and result, and requests to the session cache.
#[derive(Debug, Default)]
pub(crate) struct CredentialChecks(ShardedCounter<COUNTERS>);

impl CredentialChecks {
    /// Counts one check. The usual one, a session from the cache, is one increment.
    fn record(&self, credential_type: usize, result: &Result<Principal, AuthError>) {
        let result = CheckResult::from_result(result) as usize;
        self.0.increment(credential_type * CHECK_RESULTS.len() + result);
    }

    /// Counts the check of a token that is valid at one guarded host.
    pub(crate) fn record_host_token(&self, result: &Result<Principal, AuthError>) {
        self.record(HOST, result);
    }

    /// The checks of one type with one result, both by index.
    pub(crate) fn total(&self, credential_type: usize, result: usize) -> u64 {
        let total = |credential_type| self.0.total(credential_type * CHECK_RESULTS.len() + result);
        let stored = if credential_type == SESSION { total(STORED_SESSION) } else { 0 };
        total(credential_type) + stored
    }

    /// Session tokens that were checked from the cache, and those that needed the store.
    pub(crate) fn cache_hits_and_misses(&self) -> (u64, u64) {
        let hits =
            (0..CHECK_RESULTS.len()).map(|result| self.0.total(SESSION * CHECK_RESULTS.len() + result));
        (hits.sum(), self.0.total(CACHE_MISSES))
    }
}

impl CheckResult {
    fn from_result(result: &Result<Principal, AuthError>) -> Self {
        match result {
            Ok(_) => Self::Accepted,
            Err(AuthError::StaleRevocations) => Self::Stale,
            Err(AuthError::Unavailable) => Self::Unavailable,
            Err(AuthError::InvalidCredential(reason)) => Self::from_reason(reason),
            Err(_) => Self::Invalid,
        }
    }

    fn from_reason(reason: &InvalidReason) -> Self {
        const EXPIRED: &str = InvalidCredential::Expired.code();
        const REVOKED: &str = InvalidCredential::RevokedByCutoff.code();
        const DISABLED: &str = InvalidCredential::Disabled.code();

        match reason {
            InvalidReason::Expired | InvalidReason::RecordRejected { code: EXPIRED, .. } => Self::Expired,
            InvalidReason::Revoked(_)
            | InvalidReason::RevokedBecause { .. }
            | InvalidReason::RecordRejected { code: REVOKED | DISABLED, .. } => Self::Revoked,
            _ => Self::Invalid,
        }
    }
}

/// An authenticator that counts its results. Requests without a credential are not counted.
#[derive(Clone)]
pub(crate) struct CountingAuthenticator {
    inner: Arc<StoreAuthenticator>,
    checks: Arc<CredentialChecks>,
}

impl CountingAuthenticator {
    /// Counts the results of `inner` in `checks`.
    pub(crate) fn new(inner: StoreAuthenticator, checks: Arc<CredentialChecks>) -> Self {
        Self { inner: Arc::new(inner), checks }
    }
}

impl Authenticator for CountingAuthenticator {
    fn authenticate(&self, presented: PresentedCredential<'_>, now: Time) -> AuthFuture {
        let credential_type = match presented {
            PresentedCredential::None => return self.inner.authenticate(presented, now),
            PresentedCredential::SessionToken(_) => SESSION,
            PresentedCredential::AccessToken(_) => ACCESS,
        };
        match self.inner.authenticate(presented, now) {
            // A session that is in the cache is decided without waiting; every other one needs the store.
            AuthFuture::Ready(result) => {
                self.checks.record(credential_type, &result);
                AuthFuture::Ready(result)
            }
            AuthFuture::Pending(pending) => {
                let checks = Arc::clone(&self.checks);
                let credential_type = if credential_type == SESSION {
                    checks.0.increment(CACHE_MISSES);
                    STORED_SESSION
                } else {
                    credential_type
                };
                AuthFuture::Pending(Box::pin(async move {
                    let result = pending.await;
                    checks.record(credential_type, &result);
                    result
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_of(error: AuthError) -> &'static str {
        CHECK_RESULTS[CheckResult::from_result(&Err(error)) as usize]
    }

    #[test]
    fn each_error_has_its_result_label() {
        assert_eq!(result_of(InvalidReason::Expired.into()), "expired");
        for (reason, label) in [
            (InvalidCredential::Expired, "expired"),
            (InvalidCredential::Ended(Some("by logout")), "revoked"),
            (InvalidCredential::Ended(None), "revoked"),
            (InvalidCredential::RevokedByCutoff, "revoked"),
            (InvalidCredential::Disabled, "revoked"),
            (InvalidCredential::Unknown, "invalid"),
        ] {
            assert_eq!(result_of(InvalidReason::from(reason).into()), label, "{reason:?}");
        }
        assert_eq!(result_of(InvalidReason::WrongIssuer.into()), "invalid");
        assert_eq!(result_of(AuthError::StaleRevocations), "stale");
        assert_eq!(result_of(AuthError::Unavailable), "unavailable");
    }
}
