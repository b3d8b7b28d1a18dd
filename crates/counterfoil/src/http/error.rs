//! The error of all routes, and the only place that chooses a status: every error becomes a problem document
//! (RFC 9457) here.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use counterfoil_core::ClientError;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::store::StoreError;
use counterfoil_verify::{
    AuthError, CredentialSource, FailureReason, InvalidReason, MultipleCredentials, Problem,
};

use crate::clock::ClockJumpPending;
use crate::feed::error::FeedError;
use crate::feed::status_lists::StatusListUnavailable;
use crate::http::body_error::BodyError;
use crate::http::host::HostError;
use crate::http::oauth_error::OAuthError;
use crate::http::problem_types::{self, ProblemType};
use crate::http::set_cookie::{CredentialTooLarge, SetCookies};
use crate::limits::open_streams::TooManyStreams;
use crate::operations::error::OperationError;
use crate::operations::forward_auth::VerifyError;
use crate::operations::forward_auth::error::ForwardAuthError;
use crate::runtime::error_chain::error_chain;

/// The challenge of RFC 6750, section 3.1. It names no scope: none would be enough.
const INSUFFICIENT_SCOPE: HeaderValue = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);

/// The challenge of RFC 9470, section 3.
const INSUFFICIENT_USER_AUTHENTICATION: HeaderValue =
    HeaderValue::from_static(r#"Bearer error="insufficient_user_authentication", max_age="600""#);

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
                FailureReason::new("invalid_credentials", failure.to_string())
            }
            _ => FailureReason::new(problem.name().replace('-', "_"), error_chain(self)),
        }
    }

    fn document(&self) -> Problem {
        match self {
            Self::Service(ServiceError::Client(error)) => client_problem(error),
            Self::Service(ServiceError::Internal(error)) => internal_problem(error),
            Self::Auth(AuthRejection { error, presented_in }) => {
                Problem::from_auth_error(error, *presented_in)
            }
            Self::MultipleCredentials(_) => MultipleCredentials.into(),
            Self::Body(error) => body_problem(error),
            Self::OAuth(error) => oauth_problem(*error),
            Self::Host(error @ HostError::Invalid) => {
                problem(&problem_types::INVALID_HOST).detail(error.to_string())
            }
            Self::Host(error @ HostError::NotLoopback) => {
                problem(&problem_types::MISDIRECTED_REQUEST).detail(error.to_string())
            }
            Self::ForwardAuth(error) => forward_auth_problem(error),
            Self::Clock(_) => retry_after(
                unavailable("the server clock has jumped; nothing is issued until it is settled"),
                60,
            ),
            Self::Feed(error) => feed_problem(error),
            Self::TooManyStreams(error) => retry_after(too_many_requests(error.to_string()), 10),
            Self::CookieTooLarge(CredentialTooLarge) => invalid_fields()
                .field("transport", "must be `bearer`: the access token is too large for a cookie"),
            Self::LimitedAudience => problem(&problem_types::INSUFFICIENT_SCOPE)
                .detail("a credential that is limited by a scope gets tokens for its own audience only")
                .header(WWW_AUTHENTICATE, INSUFFICIENT_SCOPE),
            Self::RegistrationClosed => {
                problem(&problem_types::REGISTRATION_CLOSED).detail("only an administrator can add users")
            }
            Self::UsersOfApplication => problem(&problem_types::USERS_OF_APPLICATION)
                .detail("the application adds its users and changes their passwords itself"),
            Self::AdministratorRequired => problem(&problem_types::ADMINISTRATOR_REQUIRED)
                .detail("the role `admin` is required, in a credential that is not limited by a scope"),
            Self::RecentLoginRequired => problem(&problem_types::INSUFFICIENT_USER_AUTHENTICATION)
                .detail("this change needs a login within the last ten minutes: log in again, and repeat it")
                .header(WWW_AUTHENTICATE, INSUFFICIENT_USER_AUTHENTICATION),
            Self::NotFound => problem(&problem_types::NOT_FOUND).detail("there is no such resource"),
            Self::MethodNotAllowed => {
                problem(&problem_types::METHOD_NOT_ALLOWED).detail("`Allow` lists the methods of this route")
            }
            Self::InvalidPrecondition => {
                malformed("`If-Match` and `If-None-Match` must be lists of entity tags, or `*`")
            }
            Self::Timeout => {
                retry_after(problem(&problem_types::TIMEOUT).detail("the request took too long"), 1)
            }
            Self::SessionDataType | Self::Panic => internal(),
        }
    }
}

fn client_problem(error: &ClientError) -> Problem {
    match error {
        ClientError::LoginFailed(_) => problem(&problem_types::INVALID_CREDENTIALS)
            .detail("the username or the password is wrong")
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        // The same response for expired, revoked and unknown, so that an attacker cannot distinguish them.
        // The reason is logged.
        ClientError::Credential(_) => Problem::from_auth_error(
            &AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted),
            CredentialSource::None,
        ),
        ClientError::Client(detail) => problem(&problem_types::CLIENT_NOT_ALLOWED).detail(*detail),
        ClientError::NotGranted(what) => {
            problem(&problem_types::NOT_GRANTED).detail(format!("this {what} was not granted"))
        }
        ClientError::UsernameTaken => problem(&problem_types::USERNAME_TAKEN)
            .detail("another user has this username, or one that looks like it: choose another one")
            .field("username", "is taken"),
        ClientError::NotFound(what) => {
            problem(&problem_types::NOT_FOUND).detail(format!("there is no such {what}"))
        }
        ClientError::AlreadyExists(what) => {
            problem(&problem_types::ALREADY_EXISTS).detail(format!("the {what} exists already"))
        }
        ClientError::LastAdministrator => problem(&problem_types::LAST_ADMINISTRATOR)
            .detail("this user is the last administrator: give another user the role `admin` first"),
        ClientError::Field { field, detail } | ClientError::RefusedValue { field, detail, .. } => {
            invalid_fields().field(*field, detail.clone())
        }
        ClientError::Precondition => problem(&problem_types::PRECONDITION_FAILED)
            .detail("the session data does not have a revision that `If-Match` and `If-None-Match` require"),
        ClientError::TooLarge => problem(&problem_types::DATA_TOO_LARGE).detail(
            "session data must not be larger than 16 KiB, and that of all sessions of a user has a limit too",
        ),
        ClientError::RateLimited(reached) => {
            retry_after(too_many_requests("try again later"), whole_seconds(reached.retry_after))
        }
    }
}

/// The cause is only logged, under the id of the request.
fn internal_problem(error: &InternalError) -> Problem {
    let detail = match error {
        // A fault of the application, which no retry repairs.
        InternalError::Claims(_) => return internal(),
        InternalError::Hashing(_) => "too many passwords are waiting to be checked",
        InternalError::Store(_)
        | InternalError::UserStore(_)
        | InternalError::Randomness(_)
        | InternalError::Signing(_)
        | InternalError::Keys(_)
        | InternalError::Contention => "the request cannot be processed at present",
    };
    retry_after(unavailable(detail), 1)
}

fn feed_problem(error: &FeedError) -> Problem {
    match error {
        FeedError::Store(_) => retry_after(unavailable("the request cannot be processed at present"), 1),
        FeedError::TooManyPolls(wait) | FeedError::TooManyInstances(wait) => {
            retry_after(too_many_requests(error.to_string()), whole_seconds(*wait))
        }
        FeedError::TooManyStreams => retry_after(too_many_requests(error.to_string()), 10),
        FeedError::WaitInterrupted | FeedError::NodeLease => retry_after(unavailable(error.to_string()), 1),
    }
}

fn forward_auth_problem(error: &ForwardAuthError) -> Problem {
    let text = error.to_string();
    match error {
        ForwardAuthError::UntrustedProxy => problem(&problem_types::UNTRUSTED_PROXY).detail(text),
        ForwardAuthError::Requirements(_) => problem(&problem_types::PROXY_OPTIONS).detail(text),
        ForwardAuthError::Headers { .. } | ForwardAuthError::HostHeader(_) => {
            problem(&problem_types::PROXY_HEADERS).detail(text)
        }
        ForwardAuthError::HostNotGuarded => problem(&problem_types::HOST_NOT_GUARDED).detail(text),
        ForwardAuthError::CrossSite(error) => Problem::from(error.clone()),
        ForwardAuthError::HandshakeWithoutOrigin | ForwardAuthError::NoNavigation => {
            problem(&problem_types::CROSS_SITE).detail(text)
        }
        ForwardAuthError::HostLoginInvalid => problem(&problem_types::HOST_LOGIN_INVALID).detail(text),
        ForwardAuthError::MultipleCredentials(proxy) if proxy.knows_few_statuses() => {
            let ProblemType { name, title, .. } = problem_types::AMBIGUOUS_CREDENTIAL;
            Problem::new(StatusCode::FORBIDDEN, name, title).detail(text)
        }
        ForwardAuthError::MultipleCredentials(_) => MultipleCredentials.into(),
        ForwardAuthError::LoginRequired { location, error, presented_in } => {
            Problem::from_auth_error(error, *presented_in).header(LOCATION, location.clone())
        }
    }
}

fn body_problem(error: &BodyError) -> Problem {
    let text = error.to_string();
    match error {
        BodyError::Missing
        | BodyError::Incomplete
        | BodyError::InvalidJson(_)
        | BodyError::InexactNumber
        | BodyError::InvalidForm(_)
        | BodyError::UnknownField(_) => malformed(text),
        // A slow client is not an error of the server (RFC 9110, section 15.5.9).
        BodyError::Timeout => problem(&problem_types::REQUEST_TIMEOUT).detail(text),
        BodyError::ServerBusy => retry_after(unavailable("too many requests are being read"), 1),
        // One client's load is not an error of the server, and must not cause an alert.
        BodyError::ClientBusy => {
            retry_after(too_many_requests("too many requests of this client are being read"), 1)
        }
        BodyError::UnsupportedMediaType(_) => problem(&problem_types::UNSUPPORTED_MEDIA_TYPE).detail(text),
        BodyError::TooLarge(_) => problem(&problem_types::BODY_TOO_LARGE).detail(text),
        BodyError::InvalidField { field, detail } => invalid_fields().field(field.clone(), detail.clone()),
    }
}

/// Only the layer of `/oauth/*` shows it, with another body.
fn oauth_problem(error: OAuthError) -> Problem {
    let (status, name) = match error {
        OAuthError::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid-request"),
        OAuthError::InvalidClient { .. } => (StatusCode::UNAUTHORIZED, "invalid-client"),
        OAuthError::IssuedToAnotherClient => (StatusCode::BAD_REQUEST, "invalid-grant"),
        OAuthError::UnsupportedTokenType => (StatusCode::BAD_REQUEST, "unsupported-token-type"),
    };
    let problem = Problem::new(status, name, "OAuth error").detail(error.to_string());
    match error {
        OAuthError::InvalidClient { scheme, .. } => problem.header(WWW_AUTHENTICATE, scheme.challenge()),
        OAuthError::InvalidRequest(_)
        | OAuthError::IssuedToAnotherClient
        | OAuthError::UnsupportedTokenType => problem,
    }
}

fn problem(of: &ProblemType) -> Problem {
    let status = StatusCode::from_u16(of.status).expect("the table has valid status codes");
    Problem::new(status, of.name, of.title)
}

fn malformed(detail: impl Into<Cow<'static, str>>) -> Problem {
    problem(&problem_types::MALFORMED_BODY).detail(detail)
}

fn invalid_fields() -> Problem {
    problem(&problem_types::INVALID_FIELDS).detail("`errors` lists what is wrong with each field")
}

fn too_many_requests(detail: impl Into<Cow<'static, str>>) -> Problem {
    problem(&problem_types::TOO_MANY_REQUESTS).detail(detail)
}

fn internal() -> Problem {
    problem(&problem_types::INTERNAL).detail("an internal error occurred; it is logged with this request id")
}

fn unavailable(detail: impl Into<Cow<'static, str>>) -> Problem {
    problem(&problem_types::UNAVAILABLE).detail(detail)
}

fn retry_after(problem: Problem, seconds: u64) -> Problem {
    problem.header(RETRY_AFTER, HeaderValue::from(seconds))
}

/// Rounded up, at least one.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
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
