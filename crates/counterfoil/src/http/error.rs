//! The error of all routes. Every one becomes a problem document (RFC 9457), and the log gets its reason.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use counterfoil_core::ClientError;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::store::StoreError;
use counterfoil_verify::{AuthError, CredentialSource, FailureReason, Problem};

use crate::clock::ClockJumpPending;
use crate::feed::error::FeedError;
use crate::feed::status_lists::StatusListUnavailable;
use crate::http::body_error::BodyError;
use crate::http::host::HostError;
use crate::http::oauth_error::OAuthError;
use crate::http::set_cookie::{CredentialTooLarge, SetCookies};
use crate::limits::open_streams::TooManyStreams;
use crate::operations::error::OperationError;
use crate::operations::forward_auth::VerifyError;
use crate::operations::forward_auth::error::ForwardAuthError;
use crate::runtime::error_chain::error_chain;

mod document;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// A service rejected the request, or failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The credential is missing or invalid, or could not be verified.
    #[error(transparent)]
    Auth(#[from] AuthRejection),
    /// The request has two different credentials. The response clears those of Counterfoil's cookies that are
    /// not live.
    #[error("more than one credential was presented")]
    MultipleCredentials(Box<SetCookies>),
    /// The body was rejected.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// An endpoint of OAuth refuses the request.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// The request is addressed to no host, or to another one.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A proxy asks about a request in a way that cannot be right, or the request is not of a page of its own site.
    #[error(transparent)]
    ForwardAuth(#[from] ForwardAuthError),
    /// The clock has jumped; nothing is issued until that is settled.
    #[error(transparent)]
    Clock(#[from] ClockJumpPending),
    /// The feed does not answer.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// As many streams of live updates are open as may be.
    #[error(transparent)]
    TooManyStreams(#[from] TooManyStreams),
    /// The access token is larger than browsers store as a cookie.
    #[error(transparent)]
    CookieTooLarge(#[from] CredentialTooLarge),
    /// The caller is authenticated but is not an administrator.
    #[error("only for administrators")]
    AdministratorRequired,
    /// The change needs a login of the last minutes.
    #[error("the login is too old for this change")]
    RecentLoginRequired,
    /// A credential that is limited by scope requests a token for another audience.
    #[error("a credential that is limited by scope gets tokens for its own audience only")]
    LimitedAudience,
    /// Only administrators may add users.
    #[error("registration is closed")]
    RegistrationClosed,
    /// The application has its own user table, and only it adds users and changes passwords.
    #[error("the application manages its users itself")]
    UsersOfApplication,
    /// The resource does not exist, or belongs to another user.
    #[error("not found")]
    NotFound,
    /// The route does not support the method.
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    /// `If-Match` or `If-None-Match` is malformed (RFC 9110, section 13.1).
    #[error("`If-Match` and `If-None-Match` must be lists of entity tags")]
    InvalidPrecondition,
    /// The request took longer than its time limit.
    #[error("the request took too long")]
    Timeout,
    /// An application reads a member of its session data as a type that it does not have.
    #[error("a member of the session data has another type than the handler expects")]
    SessionDataType,
    /// A handler panicked. No input is known that causes it.
    #[error("a handler panicked")]
    Panic,
}

/// An authentication error, with where the credential was presented.
#[derive(Debug, thiserror::Error)]
#[error("{}", .error.failure_reason())]
pub(crate) struct AuthRejection {
    pub(crate) error: AuthError,
    pub(crate) presented_in: CredentialSource,
}

impl From<ClientError> for AppError {
    fn from(error: ClientError) -> Self {
        Self::Service(error.into())
    }
}

impl From<StatusListUnavailable> for AppError {
    fn from(error: StatusListUnavailable) -> Self {
        match error {
            StatusListUnavailable::Store(error) => error.into(),
            StatusListUnavailable::Clock(error) => error.into(),
            StatusListUnavailable::Sign(error) => {
                Self::Service(ServiceError::Internal(InternalError::Signing(error)))
            }
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl From<OperationError> for AppError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Service(error) => Self::Service(error),
            OperationError::Auth(error) => Self::auth(error, CredentialSource::Cookie),
            OperationError::Clock(error) => Self::Clock(error),
            OperationError::Feed(error) => Self::Feed(error),
            OperationError::LimitedAudience => Self::LimitedAudience,
            OperationError::RegistrationClosed => Self::RegistrationClosed,
            OperationError::UsersOfApplication => Self::UsersOfApplication,
        }
    }
}

impl From<VerifyError> for AppError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Refused(error) => Self::ForwardAuth(error),
            VerifyError::Auth(error, presented_in) => Self::auth(error, presented_in),
            VerifyError::Operation(error) => error.into(),
        }
    }
}

impl AppError {
    /// An authentication error of a credential that was presented there.
    pub(crate) fn auth(error: AuthError, presented_in: CredentialSource) -> Self {
        AuthRejection { error, presented_in }.into()
    }

    /// A field with an invalid value. `detail` says what would be right.
    pub(crate) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        ClientError::Field { field, detail: detail.into() }.into()
    }

    /// The problem document, with the reason for the log.
    fn problem(&self) -> Problem {
        let problem = self.document();
        let reason = self.failure_reason(&problem);
        problem.failure_reason(reason)
    }

    /// Why the request failed: the only place that decides what the log says about it.
    fn failure_reason(&self, problem: &Problem) -> FailureReason {
        match self {
            Self::Auth(rejection) => rejection.error.failure_reason(),
            Self::Service(ServiceError::Client(ClientError::Credential(reason))) => {
                AuthError::InvalidCredential((*reason).into()).failure_reason()
            }
            Self::ForwardAuth(ForwardAuthError::LoginRequired { error, .. }) => error.failure_reason(),
            Self::Service(ServiceError::Client(ClientError::LoginFailed(failure))) => {
                FailureReason::new("invalid_credentials", format!("login failed: {failure}"))
            }
            Self::Service(ServiceError::Client(ClientError::PasswordChangeFailed(failure))) => {
                FailureReason::new("invalid_credentials", format!("password change failed: {failure}"))
            }
            _ => FailureReason::new(problem.name().replace('-', "_"), error_chain(self)),
        }
    }
}

/// The response of the readiness check if it fails. It is plain JSON, because load balancers read it.
pub(crate) fn not_ready(body: impl Serialize, logged: String) -> Response {
    let retry_after = [(RETRY_AFTER, HeaderValue::from(1))];
    let logged = Extension(FailureReason::new("unavailable", logged));
    (StatusCode::SERVICE_UNAVAILABLE, retry_after, logged, Json(body)).into_response()
}

impl AppError {
    /// The response outside of Counterfoil's own routes, where no layer completes it: problem types start with `url`.
    pub(crate) fn into_problem_of(self, url: &Arc<str>) -> Response {
        let response = IntoResponse::into_response(self.problem().issuer(Arc::clone(url)));
        self.with_cookies(response)
    }

    fn with_cookies(self, response: Response) -> Response {
        let Self::MultipleCredentials(cookies) = self else { return response };
        (*cookies, response).into_response()
    }
}

impl IntoResponse for AppError {
    /// The response has its [`Problem`] and its [`FailureReason`] among its extensions: the outermost layer
    /// adds the request id to the one and logs the other.
    fn into_response(self) -> Response {
        let problem = self.problem();
        let mut response = IntoResponse::into_response(problem.clone());
        response.extensions_mut().insert(problem);
        self.with_cookies(response)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use counterfoil_core::services::issuer::ClaimsError;
    use counterfoil_core::{InvalidCredential, RateLimitReached};

    use super::*;

    const INVALID: [InvalidCredential; 9] = [
        InvalidCredential::Malformed,
        InvalidCredential::Unknown,
        InvalidCredential::AheadOfStore,
        InvalidCredential::Ended(Some("by logout")),
        InvalidCredential::Expired,
        InvalidCredential::RevokedByCutoff,
        InvalidCredential::Disabled,
        InvalidCredential::RefreshReuseDetected,
        InvalidCredential::WrongKind,
    ];

    fn status_and_body(error: AppError) -> (StatusCode, String) {
        let response: http::Response<String> = error.problem().into_response();
        (response.status(), response.into_body())
    }

    #[test]
    fn all_invalid_credentials_have_the_same_response() {
        let responses = INVALID.map(|reason| status_and_body(ClientError::from(reason).into()));

        assert_eq!(responses[0].0, StatusCode::UNAUTHORIZED);
        assert!(responses.iter().all(|response| *response == responses[0]));
    }

    #[test]
    fn an_internal_error_is_503_and_does_not_reveal_its_cause() {
        let source = std::io::Error::other("/var/lib/secret.db: disk I/O error");
        let store = StoreError::Unavailable { reason: "out of order", source: Some(Box::new(source)) };

        let logged = error_chain(&AppError::from(StoreError::Unavailable { reason: "full", source: None }));
        let (status, body) = status_and_body(store.into());

        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!body.contains("secret") && !body.contains("out of order"), "{body}");
        assert!(logged.ends_with(": full"), "{logged}");
    }

    #[test]
    fn a_configured_claim_that_is_refused_is_500_and_only_the_log_names_it() {
        let refused = || AppError::from(ServiceError::from(ClaimsError::Reserved("sub".into())));

        let (status, body) = status_and_body(refused());

        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.contains("sub"), "{body}");
        assert!(error_chain(&refused()).contains("`sub`"));
    }

    #[test]
    fn a_rate_limited_response_has_retry_after() {
        let error: AppError = ClientError::RateLimited(RateLimitReached {
            limit: "registrations from one IP",
            retry_after: Duration::from_millis(2100),
        })
        .into();

        let response: http::Response<String> = error.problem().into_response();

        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "3");
    }
}
