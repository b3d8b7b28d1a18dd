//! The one place that chooses a status: whatever goes wrong becomes a problem (RFC 9457) here.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use counterfoil_core::ClientError;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_core::store::StoreError;
use counterfoil_verify::MultipleCredentials;
use counterfoil_verify::{AuthError, CredentialSource, InvalidReason, Problem};

use crate::clock::ClockJumpPending;
use crate::http::body_error::BodyFault;
use crate::http::set_cookie::{SetCookies, TooLarge};
use crate::runtime::error_chain::error_chain;

/// Why a route does not answer what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// Policy refused it, or could not do it.
    #[error(transparent)]
    Trouble(#[from] ServiceError),
    /// The credential is not good, or could not be judged.
    #[error(transparent)]
    AuthError(#[from] NotLetIn),
    /// Two different credentials; the answer clears those of our cookies that are worth nothing.
    #[error(transparent)]
    MultipleCredentials(Box<TooMany>),
    /// The body was not taken.
    #[error(transparent)]
    Body(#[from] BodyFault),
    /// Nothing is issued while a leap of the clock is unsettled.
    #[error(transparent)]
    Clock(#[from] ClockJumpPending),
    /// An access token that no browser would keep.
    #[error(transparent)]
    Cookie(#[from] TooLarge),
    /// Somebody who is who they say they are, and no administrator.
    #[error("only for administrators")]
    NotAdministrator,
    /// Strangers may not register here.
    #[error("registration is closed")]
    RegistrationClosed,
    /// There is nothing of that name, or it is not the caller's.
    #[error("there is nothing here")]
    NotFound,
    /// The route has no such method.
    #[error("the method is not allowed here")]
    Method,
    /// A precondition that reads as none (RFC 9110, section 13.1.1).
    #[error("If-Match is to be an entity tag")]
    IfMatch,
    /// Not everything that serving needs is there.
    #[error("not ready: {0}")]
    NotReady(String),
    /// The answer was not there in time.
    #[error("the request took too long")]
    TooLate,
    /// An application does not know its own session data again.
    #[error("a member of the session data is of another type than the handler takes it for")]
    OtherType,
    /// A handler panicked. The last net; there is no input that is known to do it.
    #[error("a handler panicked")]
    Panicked,
}

/// That somebody was not let in, and how the credential was shown.
#[derive(Debug, thiserror::Error)]
#[error("{}", .denied.reason().map_or_else(|| .denied.to_string(), |reason| reason.to_string()))]
pub(crate) struct NotLetIn {
    pub(crate) denied: AuthError,
    pub(crate) shown: CredentialSource,
}

/// That two different credentials were shown, and what to clear of them.
#[derive(Debug, thiserror::Error)]
#[error("more than one credential was shown")]
pub(crate) struct TooMany(pub(crate) SetCookies);

/// What the log learns of a problem and the client does not; among the extensions of the answer.
#[derive(Debug, Clone)]
pub(crate) struct Why(pub(crate) String);

impl From<ClientError> for AppError {
    fn from(refusal: ClientError) -> Self {
        Self::Trouble(refusal.into())
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

impl AppError {
    /// A credential that came in this way and was denied.
    pub(crate) fn denied(denied: AuthError, shown: CredentialSource) -> Self {
        NotLetIn { denied, shown }.into()
    }

    /// A field that reads well and is still wrong.
    pub(crate) fn field(field: &'static str, detail: impl Into<String>) -> Self {
        ClientError::Field { field, detail: detail.into() }.into()
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Trouble(ServiceError::Client(refusal)) => refused(refusal),
            Self::Trouble(ServiceError::Internal(failure)) => failed(failure),
            Self::AuthError(NotLetIn { denied, shown }) => Problem::from_auth_error(denied, *shown),
            Self::MultipleCredentials(_) => MultipleCredentials.into(),
            Self::Body(fault) => of_body(fault),
            Self::Clock(_) => retry(unavailable("the clock of this server is being settled"), 60),
            Self::Cookie(TooLarge) => invalid_fields()
                .field("carrier", "is to be `body`: the access token is too large for a cookie"),
            Self::RegistrationClosed => problem(403, "registration-closed", "Registration is closed")
                .detail("ask an operator for an account"),
            Self::NotAdministrator => problem(403, "not-administrator", "Not allowed")
                .detail("this is for administrators, and not for tokens that are limited to a scope"),
            Self::NotFound => problem(404, "not-found", "Not found").detail("there is nothing here"),
            Self::Method => problem(405, "method-not-allowed", "Method not allowed")
                .detail("see Allow for those that are"),
            Self::IfMatch => malformed("If-Match is to be an entity tag, or several, or *"),
            Self::NotReady(missing) => {
                retry(problem(503, "not-ready", "Not ready").detail(format!("missing: {missing}")), 1)
            }
            Self::TooLate => {
                retry(problem(503, "timeout", "Too late").detail("the answer was not there in time"), 1)
            }
            Self::OtherType | Self::Panicked => {
                problem(500, "internal", "Internal error").detail("this is our fault, and is logged")
            }
        }
    }
}

fn refused(refusal: &ClientError) -> Problem {
    match refusal {
        ClientError::LoginFailed => problem(401, "invalid-credentials", "Invalid credentials")
            .detail("the name or the password is wrong")
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        // One answer for expired, revoked and unknown; the reason goes to the log.
        ClientError::Credential(_) => Problem::from_auth_error(
            &AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted),
            CredentialSource::None,
        ),
        ClientError::Client(detail) => {
            problem(403, "client-not-allowed", "Not allowed to this client").detail(*detail)
        }
        ClientError::NotGranted(what) => {
            problem(403, "not-granted", "Not granted").detail(format!("this {what} was not granted"))
        }
        ClientError::UsernameTaken => problem(409, "username-taken", "Username taken")
            .detail("somebody has this username")
            .field("username", "is taken"),
        ClientError::NotFound(what) => {
            problem(404, "not-found", "Not found").detail(format!("there is no such {what}"))
        }
        ClientError::AlreadyExists(what) => {
            problem(409, "taken", "Taken").detail(format!("the {what} is taken"))
        }
        ClientError::Field { field, detail } => invalid_fields().field(*field, detail.clone()),
        ClientError::Precondition => problem(412, "precondition-failed", "Precondition failed")
            .detail("the data are at another revision than If-Match says"),
        ClientError::TooLarge => problem(413, "data-too-large", "Data too large")
            .detail("the data of a session have at most 16 KiB"),
        ClientError::RateLimited(after) => retry(too_often("try again later"), seconds(*after)),
    }
}

/// Nothing of what happened inside is told; the cause is in the log under the id of the request.
fn failed(failure: &InternalError) -> Problem {
    let detail = match failure {
        InternalError::Hashing(_) => "too many passwords are waiting to be judged",
        InternalError::Store(_)
        | InternalError::Randomness(_)
        | InternalError::Signing(_)
        | InternalError::Keys(_)
        | InternalError::Contention => "the request could not be carried out now",
    };
    retry(unavailable(detail), 1)
}

fn of_body(fault: &BodyFault) -> Problem {
    let text = fault.to_string();
    match fault {
        BodyFault::Missing | BodyFault::Broken | BodyFault::Json(_) | BodyFault::Unknown(_) => {
            malformed(text)
        }
        // The client's doing (RFC 9110, section 15.5.9), and so no failure of ours.
        BodyFault::TooSlow => problem(408, "request-timeout", "Request timeout").detail(text),
        BodyFault::TooMany => retry(unavailable("too many requests are being read"), 1),
        // The source's own doing: nobody else is held up by it, and nobody is to be woken.
        BodyFault::TooManyOfSource => retry(too_often("too many requests of yours are being read"), 1),
        BodyFault::Type(_) => problem(415, "unsupported-media-type", "Unsupported media type").detail(text),
        BodyFault::TooLarge(_) => problem(413, "body-too-large", "Body too large").detail(text),
        BodyFault::Member { field, detail } => invalid_fields().field(field.clone(), detail.clone()),
    }
}

fn problem(status: u16, name: &'static str, title: &'static str) -> Problem {
    let status = StatusCode::from_u16(status).expect("the statuses of this file are statuses");
    Problem::new(status, name, title)
}

fn malformed(detail: impl Into<Cow<'static, str>>) -> Problem {
    problem(400, "malformed-body", "Malformed request").detail(detail)
}

fn invalid_fields() -> Problem {
    problem(422, "invalid-fields", "Invalid fields").detail("see errors for what is wrong with which field")
}

fn too_often(detail: &'static str) -> Problem {
    problem(429, "too-many-requests", "Too many requests").detail(detail)
}

fn unavailable(detail: &'static str) -> Problem {
    problem(503, "unavailable", "Unavailable").detail(detail)
}

fn retry(problem: Problem, after: u64) -> Problem {
    problem.header(RETRY_AFTER, HeaderValue::from(after))
}

/// Whole seconds, rounded up, at least one.
fn seconds(after: Duration) -> u64 {
    after.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}

impl IntoResponse for AppError {
    /// The answer carries its [`Problem`] and its [`Why`] among its extensions: whoever knows the id of the
    /// request writes it into the one and logs the other.
    fn into_response(self) -> Response {
        let (problem, why) = (self.problem(), Why(error_chain(&self)));
        let mut answer = IntoResponse::into_response(problem.clone());
        answer.extensions_mut().insert(problem);
        answer.extensions_mut().insert(why);
        let Self::MultipleCredentials(too_many) = self else { return answer };
        (too_many.0, answer).into_response()
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::InvalidCredential;

    use super::*;

    const UNFIT: [InvalidCredential; 9] = [
        InvalidCredential::Malformed,
        InvalidCredential::Unknown,
        InvalidCredential::AheadOfStore,
        InvalidCredential::Ended,
        InvalidCredential::Expired,
        InvalidCredential::RevokedByCutoff,
        InvalidCredential::Disabled,
        InvalidCredential::RefreshReuseDetected,
        InvalidCredential::WrongKind,
    ];

    fn text(error: AppError) -> (StatusCode, String) {
        let answer: http::Response<String> = error.problem().into_response();
        (answer.status(), answer.into_body())
    }

    #[test]
    fn whatever_is_wrong_with_a_credential_is_one_answer() {
        let answers = UNFIT.map(|unfit| text(ClientError::from(unfit).into()));

        assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }

    #[test]
    fn a_failure_is_503_and_tells_nothing_of_its_cause() {
        let source = std::io::Error::other("/var/lib/secret.db: disk I/O error");
        let store = StoreError::Unavailable { reason: "out of order", source: Some(Box::new(source)) };

        let why = error_chain(&AppError::from(StoreError::Unavailable { reason: "full", source: None }));
        let (status, body) = text(store.into());

        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!body.contains("secret") && !body.contains("out of order"), "{body}");
        assert_eq!(why, "the store cannot be used now: full");
    }

    #[test]
    fn who_is_told_to_wait_is_told_for_how_long() {
        let error: AppError = ClientError::RateLimited(Duration::from_millis(2100)).into();

        let answer: http::Response<String> = error.problem().into_response();

        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers()[RETRY_AFTER], "3");
    }
}
