//! Who decides: a judgement becomes a list of changes, and a store applies all of them or none.

pub mod account;
pub mod administration;
pub mod authenticator;
pub mod issuer;
pub mod keys;
pub mod login_rate_limiter;
pub mod password_hasher;
mod password_hasher_error;
pub mod password_policy;
pub mod refresh_replay_counter;
pub mod restore;
pub mod revoker;
pub mod session_data;
pub mod user_import;

use counterfoil_jose::random;

use crate::client_error::{ClientError, InvalidCredential};
use crate::store::StoreError;

/// How often a change that lost a race is judged again before we give up.
const ATTEMPTS: usize = 8;

/// Two words for failure: refused is the client's doing, failed is ours.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The client does not get it; 4xx, and the client learns only that.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// We could not do it; 503, and the cause in the log.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// What we could not do. Exhaustive, as [`ClientError`] is.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hash pool has too much to do.
    #[error(transparent)]
    Hashing(#[from] password_hasher::HashingError),
    /// The system has no randomness to give.
    #[error("no randomness")]
    Randomness(#[from] random::RandomUnavailable),
    /// An access token could not be signed.
    #[error("an access token could not be signed")]
    Signing(#[from] counterfoil_jose::SignError),
    /// A key could not be made or opened.
    #[error(transparent)]
    Keys(#[from] keys::active_keys::ActiveKeysError),
    /// Others were faster, again and again.
    #[error("too many others change the same record")]
    Contention,
}

impl From<InvalidCredential> for ServiceError {
    fn from(reason: InvalidCredential) -> Self {
        Self::Client(reason.into())
    }
}

macro_rules! failures {
    ($($source:ty),* $(,)?) => {
        $(impl From<$source> for ServiceError {
            fn from(source: $source) -> Self {
                Self::Internal(source.into())
            }
        })*
    };
}

failures!(
    StoreError,
    password_hasher::HashingError,
    random::RandomUnavailable,
    counterfoil_jose::SignError,
    keys::active_keys::ActiveKeysError,
);
