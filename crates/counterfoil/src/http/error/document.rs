//! The problem document (RFC 9457) of each error: the only place that chooses a status, what the client reads, and when it may
//! try again.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use counterfoil_core::ClientError;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_verify::{AuthError, CredentialSource, InvalidReason, MultipleCredentials, Problem};

use crate::feed::error::FeedError;
use crate::http::body_error::BodyError;
use crate::http::error::{AppError, AuthRejection};
use crate::http::host::HostError;
use crate::http::oauth_error::OAuthError;
use crate::http::problem_types::{self, ProblemType};
use crate::http::set_cookie::CredentialTooLarge;
use crate::operations::forward_auth::error::ForwardAuthError;

/// The challenge of RFC 6750, section 3.1. It names no scope: none would be enough.
const INSUFFICIENT_SCOPE: HeaderValue = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);

/// The challenge of RFC 9470, section 3.
const INSUFFICIENT_USER_AUTHENTICATION: HeaderValue =
    HeaderValue::from_static(r#"Bearer error="insufficient_user_authentication", max_age="600""#);

impl AppError {
    /// The document, without the reason for the log.
    pub(super) fn document(&self) -> Problem {
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
        ClientError::PasswordChangeFailed(_) => problem(&problem_types::INVALID_CREDENTIALS)
            .detail("the current password is wrong")
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
