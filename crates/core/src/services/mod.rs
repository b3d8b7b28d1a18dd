//! The operations on accounts, sessions, tokens and keys: each decides on a list of changes, and the store applies all
//! of them or none.

pub mod account;
pub mod administration;
pub mod application_users;
pub mod authenticator;
pub mod failure_log;
pub mod host_login;
pub mod issuer;
pub mod keys;
pub mod login_lookup;
pub mod login_rate_limiter;
pub mod password_hasher;
mod password_hasher_error;
pub mod password_policy;
pub mod refresh_replay_counter;
pub mod restore;
pub mod revocation_feed;
pub mod revoker;
pub mod session_data;
pub mod session_label;
mod session_monitor;
pub mod status_lists;
pub mod user_import;
pub mod username_policy;
pub mod window_counters;

use std::time::Duration;

use counterfoil_jose::random;

use crate::client_error::{ClientError, InvalidCredential, RateLimitReached};
use crate::store::StoreError;

/// How often a change that lost a race is tried again before [`InternalError::Contention`] is returned.
const ATTEMPTS: usize = 8;

/// When a client whose share of the hash queue is exceeded may try again.
const SHARE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Why an operation failed: because of the client, or because of the server.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The client's error: 4xx. The client learns only this.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server's error: 503. The cause is logged, and the client does not learn it.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why the server could not do what was requested. Exhaustive, as [`ClientError`] is.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A password could not be hashed or checked.
    #[error(transparent)]
    Hashing(#[from] password_hasher::HashingError),
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness")]
    Randomness(#[from] random::RandomUnavailable),
    /// An access token could not be signed.
    #[error("an access token could not be signed")]
    Signing(#[from] counterfoil_jose::SignError),
    /// The application configured claims that no token can have.
    #[error(transparent)]
    Claims(#[from] issuer::ClaimsError),
    /// The application's user table failed.
    #[error(transparent)]
    UserStore(#[from] application_users::UserStoreError),
    /// A key could not be created or opened.
    #[error(transparent)]
    Keys(#[from] keys::active_keys::ActiveKeysError),
    /// Concurrent changes won every race.
    #[error("too many concurrent requests change the same record")]
    Contention,
}

impl From<InvalidCredential> for ServiceError {
    fn from(reason: InvalidCredential) -> Self {
        Self::Client(reason.into())
    }
}

impl From<password_hasher::HashingError> for ServiceError {
    /// A queue that is full is the server's error. A share of it that is exceeded is the client's: others are served.
    fn from(error: password_hasher::HashingError) -> Self {
        match error {
            password_hasher::HashingError::ShareExceeded => {
                let limit = "passwords that one client or account may have hashed at a time";
                ClientError::RateLimited(RateLimitReached { limit, retry_after: SHARE_RETRY_DELAY }).into()
            }
            error => Self::Internal(error.into()),
        }
    }
}

/// A [`ServiceError`] from each cause of an [`InternalError`], so that `?` works on both.
macro_rules! internal_errors {
    ($($source:ty),* $(,)?) => {
        $(impl From<$source> for ServiceError {
            fn from(source: $source) -> Self {
                Self::Internal(source.into())
            }
        })*
    };
}

internal_errors!(
    StoreError,
    random::RandomUnavailable,
    counterfoil_jose::SignError,
    issuer::ClaimsError,
    application_users::UserStoreError,
    keys::active_keys::ActiveKeysError,
);
