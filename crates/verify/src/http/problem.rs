//! Problem documents (RFC 9457): the body and the headers with which an error is answered.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::auth_error::{AuthError, RequiredPermission};
use crate::failure_reason::FailureReason;
use crate::http::auth_state::AuthState;
use crate::http::credentials::{CredentialSource, MultipleCredentials};
use crate::http::cross_site_request::CrossSiteRequest;
use crate::http::problem_issuer::ProblemIssuer;

/// After how many seconds a client may retry a 503.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A problem document (RFC 9457, section 3), with its status and headers.
///
/// The body has a stable `code`: the name of the problem with `_` for `-`. Its `type` is
/// `<issuer>/problems/<name>`, a page of the issuer that explains the problem. A service that is not the
/// issuer does not know such a page; there the `type` is `about:blank`.
///
/// ```
/// use counterfoil_verify::Problem;
/// use http::StatusCode;
///
/// let problem = Problem::new(StatusCode::CONFLICT, "already-exists", "Already exists")
///     .detail("the username is taken")
///     .request_id("7f3a")
///     .issuer("https://auth.example");
/// let response: http::Response<String> = problem.into_response();
///
/// assert_eq!(response.status(), 409);
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert!(response.body().contains(r#""type":"https://auth.example/problems/already-exists""#));
/// assert!(response.body().contains(r#""code":"already_exists""#));
/// ```
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

/// Boxed, because it is the rare variant of many results.
#[derive(Debug, Clone)]
struct Parts {
    body: Body,
    headers: HeaderMap,
    failure_reason: Option<FailureReason>,
}

#[derive(Debug, Clone)]
struct Body {
    name: Cow<'static, str>,
    issuer: Option<ProblemIssuer>,
    title: Cow<'static, str>,
    status: StatusCode,
    detail: Option<Cow<'static, str>>,
    request_id: Option<RequestId>,
    reason: Option<FailureReason>,
    errors: Vec<FieldError>,
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let problem_type = self.issuer.as_ref().map_or(Cow::Borrowed("about:blank"), |issuer| {
            Cow::Owned(format!("{}/problems/{}", issuer.0, self.name))
        });
        let mut body = serializer.serialize_struct("Problem", 8)?;
        body.serialize_field("type", &problem_type)?;
        body.serialize_field("code", &self.name.replace('-', "_"))?;
        body.serialize_field("title", &self.title)?;
        body.serialize_field("status", &self.status.as_u16())?;
        if let Some(detail) = &self.detail {
            body.serialize_field("detail", detail)?;
        }
        if let Some(request_id) = &self.request_id {
            body.serialize_field("request_id", request_id)?;
        }
        if let Some(reason) = &self.reason {
            body.serialize_field("reason", reason.message())?;
        }
        if !self.errors.is_empty() {
            body.serialize_field("errors", &self.errors)?;
        }
        body.end()
    }
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The name of the field.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub detail: Cow<'static, str>,
}

/// The id of a request. A service that assigns ids puts it into the request's extensions; problems contain
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Problem {
    /// A problem with a name in kebab case, as `invalid-token`, and a title that is always the same for that
    /// name.
    pub fn new(
        status: StatusCode,
        name: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        let body = Body {
            name: name.into(),
            issuer: None,
            title: title.into(),
            status,
            detail: None,
            request_id: None,
            reason: None,
            errors: Vec::new(),
        };
        Self(Box::new(Parts { body, headers: HeaderMap::new(), failure_reason: None }))
    }

    /// Sets what is wrong in this case, for a person. It must not repeat what the client sent.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.body.detail = Some(detail.into());
        self
    }

    /// Sets the id under which the request is logged.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.0.body.request_id = Some(RequestId(id.into()));
        self
    }

    /// Sets the issuer whose page is the `type`: its URL without a trailing slash.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.0.body.issuer = Some(ProblemIssuer(issuer.into()));
        self
    }

    /// Sets the [`RequestId`] and the [`ProblemIssuer`] from the extensions of the request, if they are there
    /// and not set yet. The issuer of the [`AuthLayer`](crate::AuthLayer) that the request has passed comes
    /// first.
    #[must_use]
    pub fn for_request(mut self, extensions: &Extensions) -> Self {
        let issuer = || {
            let of_layer = AuthState::from_extensions(extensions).and_then(AuthState::problem_issuer);
            of_layer.or_else(|| extensions.get()).cloned()
        };
        let body = &mut self.0.body;
        body.issuer = body.issuer.take().or_else(issuer);
        body.request_id = body.request_id.take().or_else(|| extensions.get().cloned());
        self
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn field(
        mut self,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.0.body.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }

    /// Sets a header of the response; it replaces one with the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Sets why the request was refused, for the log. The client does not learn it: it becomes an extension of the
    /// response, not a member of the document.
    #[must_use]
    pub fn failure_reason(mut self, reason: FailureReason) -> Self {
        self.0.failure_reason = Some(reason);
        self
    }

    /// Adds the reason to the document: to `detail`, and as the member `reason`. Only for a server on a developer's machine:
    /// an attacker learns which check failed.
    #[must_use]
    pub fn danger_show_reason(mut self) -> Self {
        let Parts { body, failure_reason, .. } = &mut *self.0;
        body.reason = failure_reason.clone();
        if let (Some(detail), Some(reason)) = (&mut body.detail, failure_reason) {
            *detail = format!("{detail}: {}", reason.message()).into();
        }
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.0.body.status
    }

    /// The name of the problem, as `invalid-token`.
    pub fn name(&self) -> &str {
        &self.0.body.name
    }

    /// What is wrong in this case. Only for the issuer, whose endpoints of OAuth have another error body.
    #[doc(hidden)]
    pub fn detail_text(&self) -> Option<&str> {
        self.0.body.detail.as_deref()
    }

    /// The problem for an authentication error; `source` is where the credential was presented.
    ///
    /// All invalid credentials have the same response (RFC 6750, section 3.1), so that an attacker cannot
    /// learn which check failed. The response has the [`FailureReason`] among its extensions, for the log.
    pub fn from_auth_error(error: &AuthError, source: CredentialSource) -> Self {
        let problem = match error {
            AuthError::MissingCredential => {
                unauthorized("credential-required", "Credential required", "Bearer")
            }
            AuthError::InvalidCredential(_) => {
                let challenge = match source {
                    CredentialSource::Bearer => r#"Bearer error="invalid_token""#,
                    CredentialSource::Cookie | CredentialSource::None => "Bearer",
                };
                unauthorized("invalid-token", "Invalid token", challenge)
            }
            AuthError::MultipleCredentials => {
                Self::new(StatusCode::BAD_REQUEST, "ambiguous-credential", "Ambiguous credential")
            }
            AuthError::StaleRevocations => unavailable("stale"),
            AuthError::Unavailable => unavailable("unavailable"),
            AuthError::Forbidden(required) => forbidden(required),
        };
        problem.detail(error.to_string()).failure_reason(error.failure_reason())
    }

    /// The problem of a route that is not behind an [`AuthLayer`](crate::AuthLayer). It fails closed.
    pub fn missing_auth_layer() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", "Misconfigured")
            .detail("this route is not behind an AuthLayer")
    }

    /// The response, with any body type that can be made from a `String`.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let Parts { body, headers, failure_reason } = *self.0;
        let text = serde_json::to_string(&body).expect("strings and numbers always serialize");
        let mut response = Response::new(B::from(text));
        *response.status_mut() = body.status;
        *response.headers_mut() = headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        failure_reason.and_then(|reason| response.extensions_mut().insert(reason));
        response
    }
}

fn unauthorized(name: &'static str, title: &'static str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, name, title)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn unavailable(name: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, name, "Unavailable")
        .header(RETRY_AFTER, RETRY_AFTER_SECONDS)
}

fn forbidden(required: &RequiredPermission) -> Problem {
    match required {
        RequiredPermission::Scope(scope) => {
            Problem::new(StatusCode::FORBIDDEN, "insufficient-scope", "Insufficient scope")
                .header(WWW_AUTHENTICATE, scope_challenge(scope))
        }
        RequiredPermission::Role(_) => Problem::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
    }
}

/// The challenge for a scope. It names the scope if that is valid in a header (RFC 6750, section 3).
fn scope_challenge(scope: &str) -> HeaderValue {
    let is_scope_char = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let is_valid = scope.bytes().all(is_scope_char);
    let challenge = is_valid.then(|| format!(r#"Bearer error="insufficient_scope", scope="{scope}""#));
    challenge
        .and_then(|text| text.try_into().ok())
        .unwrap_or(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#))
}

impl From<CrossSiteRequest> for Problem {
    fn from(error: CrossSiteRequest) -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross-site", "Possible cross-site request")
            .detail(error.to_string())
            .failure_reason(error.failure_reason())
    }
}

impl From<MultipleCredentials> for Problem {
    fn from(error: MultipleCredentials) -> Self {
        Self::from_auth_error(&error.into(), CredentialSource::None)
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        Self::into_response(self)
    }
}

/// For handlers that require a scope or a role with `?`.
///
/// The response has its [`Problem`] among its extensions, because the request is not known here: an outer
/// layer may add the request id and the issuer and render it again.
#[cfg(feature = "axum")]
impl axum::response::IntoResponse for AuthError {
    fn into_response(self) -> axum::response::Response {
        let problem = Problem::from_auth_error(&self, CredentialSource::Bearer);
        let mut response: axum::response::Response = problem.clone().into_response();
        response.extensions_mut().insert(problem);
        response
    }
}

#[cfg(test)]
mod tests {
    use crate::auth_error::InvalidReason;
    use crate::revocation::log::SubjectKind;

    use super::*;

    fn response(error: &AuthError, source: CredentialSource) -> Response<String> {
        Problem::from_auth_error(error, source).into_response()
    }

    fn body(problem: Problem) -> serde_json::Value {
        serde_json::from_str(problem.into_response::<String>().body()).unwrap()
    }

    #[test]
    fn all_invalid_credentials_have_the_same_response() {
        let reasons = [
            InvalidReason::MalformedClaims,
            InvalidReason::WrongIssuer,
            InvalidReason::WrongAudience,
            InvalidReason::Expired,
            InvalidReason::NotYetValid,
            InvalidReason::IssuedInFuture,
            InvalidReason::LifetimeNotAllowed,
            InvalidReason::CredentialKindNotAccepted,
            InvalidReason::Revoked(SubjectKind::Session),
            InvalidReason::RevokedBecause { subject: SubjectKind::Session, reason: "by logout" },
            InvalidReason::RecordRejected { code: "idle", message: "the session was idle for too long" },
            InvalidReason::Token(counterfoil_jose::JwsError::BadSignature),
        ];
        let responses = reasons.map(|reason| {
            let response = response(&AuthError::InvalidCredential(reason), CredentialSource::Bearer);
            (response.status(), response.headers().clone(), response.into_body())
        });

        assert!(responses.iter().all(|response| *response == responses[0]));
        assert_eq!(responses[0].0, 401);
        assert_eq!(responses[0].1[WWW_AUTHENTICATE], r#"Bearer error="invalid_token""#);
    }

    #[test]
    fn the_response_carries_the_reason_for_the_log_only() {
        let revoked = InvalidReason::RevokedBecause { subject: SubjectKind::Session, reason: "by logout" };
        let problem = Problem::from_auth_error(&revoked.into(), CredentialSource::Bearer);

        let response: Response<String> = problem.clone().into_response();
        let logged: &FailureReason = response.extensions().get().unwrap();
        assert_eq!((logged.code(), logged.message()), ("revoked", "revoked: session ended by logout"));
        assert!(!response.body().contains("logout"), "{}", response.body());

        assert_eq!(body(problem.danger_show_reason())["reason"], "revoked: session ended by logout");
    }

    #[test]
    fn the_challenge_names_the_error_and_the_scope() {
        let challenge =
            |error: &AuthError, source| response(error, source).headers()[WWW_AUTHENTICATE].clone();
        let missing_scope = |name: &str| AuthError::Forbidden(RequiredPermission::Scope(name.into()));
        let expired = AuthError::InvalidCredential(InvalidReason::Expired);

        assert_eq!(challenge(&AuthError::MissingCredential, CredentialSource::None), "Bearer");
        assert_eq!(challenge(&expired, CredentialSource::Cookie), "Bearer");
        let with_scope = r#"Bearer error="insufficient_scope", scope="a:b""#;
        assert_eq!(challenge(&missing_scope("a:b"), CredentialSource::Bearer), with_scope);
        let without_scope = r#"Bearer error="insufficient_scope""#;
        assert_eq!(challenge(&missing_scope("a\"\r\n"), CredentialSource::Bearer), without_scope);
    }

    #[test]
    fn an_unavailable_response_has_retry_after() {
        for error in [AuthError::StaleRevocations, AuthError::Unavailable] {
            let response = response(&error, CredentialSource::Bearer);
            assert_eq!(
                (response.status(), &response.headers()[RETRY_AFTER]),
                (StatusCode::SERVICE_UNAVAILABLE, &RETRY_AFTER_SECONDS)
            );
        }
    }

    #[test]
    fn problems_are_not_cached() {
        let response = response(&AuthError::MissingCredential, CredentialSource::None);

        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn the_type_is_a_page_of_the_issuer_or_about_blank() {
        let problem = || Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found");
        let mut extensions = Extensions::new();

        assert_eq!(body(problem().for_request(&extensions))["type"], "about:blank");
        extensions.insert(ProblemIssuer("https://auth.example".into()));
        let from_extensions = body(problem().for_request(&extensions));
        assert_eq!(from_extensions["type"], "https://auth.example/problems/not-found");
    }

    #[test]
    fn the_code_is_the_name_in_snake_case() {
        let error = AuthError::InvalidCredential(InvalidReason::Expired);
        let problem = Problem::from_auth_error(&error, CredentialSource::Bearer);

        assert_eq!(problem.name(), "invalid-token");
        assert_eq!(body(problem)["code"], "invalid_token");
    }
}
