//! Why an operation of the embedding API failed: an answer for the client, and a kind for the application.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};

use counterfoil_core::ClientError;
use counterfoil_core::services::ServiceError;
use counterfoil_verify::AuthError;

use crate::app::App;
use crate::http::error::AppError;

/// Why an operation failed. As a response it is a problem document (RFC 9457) with the status of the same failure in
/// the HTTP API, so that a handler can return it with `?`.
///
/// A login page looks at [`kind`](Self::kind) and shows its form again:
///
/// ```
/// use counterfoil::{Error, ErrorKind};
///
/// fn message(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::InvalidCredentials => "The username or the password is wrong.",
///         ErrorKind::RateLimited { .. } => "Too many attempts. Try again later.",
///         _ => "Logging in is not possible at present.",
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Error {
    #[source]
    error: AppError,
    /// The URL that problem types start with.
    url: Arc<str>,
}

/// What an application can do about an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The username or the password is wrong, or the user is disabled. The client must not learn which. At a password change
    /// in a session: the current password is wrong.
    InvalidCredentials,
    /// The session or token of the request is missing, invalid, expired or revoked.
    InvalidCredential,
    /// Too many attempts.
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// A value that the user has entered is not acceptable.
    InvalidField {
        /// The name of the value.
        field: &'static str,
        /// What would be right, for the user.
        detail: String,
    },
    /// The username is taken, or looks like that of another user.
    UsernameTaken,
    /// The client application, the scope or the registration is not allowed.
    NotAllowed,
    /// There is no such session of this user.
    NotFound,
    /// The request has two different credentials, or is otherwise malformed.
    Malformed,
    /// The server cannot process the request at present. The cause is in the error's source.
    Unavailable,
}

impl Error {
    pub(crate) fn new(app: &App, error: impl Into<AppError>) -> Self {
        Self { error: error.into(), url: app.settings().api_url().into() }
    }

    /// What an application can do about it.
    pub fn kind(&self) -> ErrorKind {
        match &self.error {
            AppError::Service(ServiceError::Client(error)) => client_kind(error),
            AppError::Auth(rejection) => auth_kind(&rejection.error),
            AppError::RegistrationClosed
            | AppError::UsersOfApplication
            | AppError::AdministratorRequired
            | AppError::RecentLoginRequired
            | AppError::LimitedAudience => ErrorKind::NotAllowed,
            AppError::NotFound => ErrorKind::NotFound,
            AppError::MultipleCredentials(_)
            | AppError::Body(_)
            | AppError::OAuth(_)
            | AppError::ForwardAuth(_)
            | AppError::MethodNotAllowed
            | AppError::Host(_)
            | AppError::InvalidPrecondition
            | AppError::CookieTooLarge(_) => ErrorKind::Malformed,
            AppError::Service(ServiceError::Internal(_))
            | AppError::Clock(_)
            | AppError::Timeout
            | AppError::SessionDataType
            | AppError::Feed(_)
            | AppError::TooManyStreams(_)
            | AppError::Panic => ErrorKind::Unavailable,
        }
    }
}

fn auth_kind(error: &AuthError) -> ErrorKind {
    match error {
        AuthError::MissingCredential | AuthError::InvalidCredential(_) => ErrorKind::InvalidCredential,
        AuthError::MultipleCredentials => ErrorKind::Malformed,
        AuthError::Forbidden(_) => ErrorKind::NotAllowed,
        // `AuthError` is `non_exhaustive`: what is unknown here says nothing about the credential.
        AuthError::StaleRevocations | AuthError::Unavailable | _ => ErrorKind::Unavailable,
    }
}

fn client_kind(error: &ClientError) -> ErrorKind {
    match error {
        ClientError::LoginFailed(_) | ClientError::PasswordChangeFailed(_) => ErrorKind::InvalidCredentials,
        ClientError::Credential(_) => ErrorKind::InvalidCredential,
        ClientError::RateLimited(reached) => ErrorKind::RateLimited { retry_after: reached.retry_after },
        ClientError::Field { field, detail } | ClientError::RefusedValue { field, detail, .. } => {
            ErrorKind::InvalidField { field, detail: detail.clone() }
        }
        ClientError::UsernameTaken => ErrorKind::UsernameTaken,
        ClientError::Client(_) | ClientError::NotGranted(_) | ClientError::LastAdministrator => {
            ErrorKind::NotAllowed
        }
        ClientError::NotFound(_) => ErrorKind::NotFound,
        ClientError::AlreadyExists(_) | ClientError::Precondition | ClientError::TooLarge => {
            ErrorKind::Malformed
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.error.into_problem_of(&self.url)
    }
}
