//! Why an operation failed, for every entrance.

use counterfoil_core::ClientError;
use counterfoil_core::services::ServiceError;
use counterfoil_core::store::StoreError;
use counterfoil_verify::AuthError;

use crate::clock::ClockJumpPending;
use crate::counters::{Outcome, service_outcome};
use crate::feed::error::FeedError;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperationError {
    /// A service rejected the request, or failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A credential that the operation replaces or ends could not be verified at present.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The clock has jumped; nothing is issued until that is settled.
    #[error(transparent)]
    Clock(#[from] ClockJumpPending),
    /// The feed does not answer.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A credential that is limited by scope requests a token for another audience than the issuer.
    #[error("a credential that is limited by scope gets tokens for the issuer alone")]
    LimitedAudience,
    /// Only administrators may add users.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The application has its own user table, and only it adds users and changes passwords.
    #[error("the application manages its users itself")]
    UsersOfApplication,
}

impl From<ClientError> for OperationError {
    fn from(error: ClientError) -> Self {
        Self::Service(error.into())
    }
}

impl From<StoreError> for OperationError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// How an attempt that failed with this error is counted.
impl From<&OperationError> for Outcome {
    fn from(error: &OperationError) -> Self {
        match error {
            OperationError::Service(error) => service_outcome(error),
            OperationError::Clock(_)
            | OperationError::Feed(_)
            | OperationError::Auth(AuthError::Unavailable | AuthError::StaleRevocations) => Self::Unavailable,
            OperationError::Auth(_) => Self::Failure,
            OperationError::LimitedAudience
            | OperationError::RegistrationClosed
            | OperationError::UsersOfApplication => Self::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counterfoil_core::{InvalidCredential, LoginFailure, RateLimitReached};

    use super::*;

    #[test]
    fn each_error_has_its_outcome() {
        let outcome = |error: OperationError| Outcome::from(&error);

        assert_eq!(outcome(ClientError::LoginFailed(LoginFailure::UnknownUser).into()), Outcome::Failure);
        assert_eq!(outcome(ClientError::from(InvalidCredential::Expired).into()), Outcome::Failure);
        let reused = ClientError::from(InvalidCredential::RefreshReuseDetected);
        assert_eq!(outcome(reused.into()), Outcome::ReuseDetected);
        let reached = RateLimitReached { limit: "changes by one user", retry_after: Duration::ZERO };
        assert_eq!(outcome(ClientError::RateLimited(reached).into()), Outcome::RateLimited);
        assert_eq!(outcome(ClientError::UsernameTaken.into()), Outcome::Invalid);
        assert_eq!(outcome(ClockJumpPending.into()), Outcome::Unavailable);
    }
}
