//! Errors of administrative commands, with a message and a hint for the operator.

use serde::{Deserialize, Serialize};

use counterfoil_core::ClientError;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::store::StoreError;

use crate::clock::ClockJumpPending;
use crate::feed::error::FeedError;
use crate::keys::master_key_file::MasterKeyError;
use crate::operations::error::OperationError;
use crate::runtime::error_chain::error_chain;
use crate::store::backup::BackupError;

/// A command was not executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// What is wrong, with its causes.
    pub message: String,
    /// What to do about it, if anything can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl AdminError {
    /// An error without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        let message = Self::new(error_chain(&error));
        match error {
            StoreError::Poisoned => message.hint("restart the server; if this happens again, check the disk"),
            _ => message,
        }
    }
}

impl From<BackupError> for AdminError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => error.into(),
            error => Self { message: error_chain(&error), hint: error.hint() },
        }
    }
}

impl From<ServiceError> for AdminError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Client(ClientError::UsernameTaken) => {
                Self::new("the username is taken, or looks like that of another user")
            }
            ServiceError::Client(error @ ClientError::LastAdministrator) => Self::new(error.to_string())
                .hint("make another user an administrator first: `counterfoil user roles NAME --add admin`"),
            ServiceError::Client(error) => Self::new(error.to_string()),
            ServiceError::Internal(InternalError::Store(error)) => error.into(),
            ServiceError::Internal(error) => Self::new(error_chain(&error)).hint("try again"),
        }
    }
}

impl From<OperationError> for AdminError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Service(error) => error.into(),
            OperationError::Clock(error) => error.into(),
            OperationError::Feed(FeedError::Store(error)) => error.into(),
            OperationError::Auth(_)
            | OperationError::Feed(_)
            | OperationError::LimitedAudience
            | OperationError::RegistrationClosed
            | OperationError::UsersOfApplication => Self::new(error.to_string()),
        }
    }
}

impl From<MasterKeyError> for AdminError {
    fn from(error: MasterKeyError) -> Self {
        Self::new(error_chain(&error)).hint(error.hint())
    }
}

impl From<ClockJumpPending> for AdminError {
    fn from(error: ClockJumpPending) -> Self {
        Self::new(error.to_string()).hint("if the system clock is right: `counterfoil clock accept`")
    }
}
