//! What a client is told when something is refused: RFC 9457, and the headers that go with it.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::{Serialize, Serializer};

use crate::auth_error::{AuthError, RequiredPermission};
use crate::http::credentials::{CredentialSource, MultipleCredentials};
use crate::http::csrf::CrossSiteRequest;

/// After how many seconds a client may ask again when we are out.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A problem (RFC 9457, section 3), with its status and headers.
///
/// ```
/// use counterfoil_verify::Problem;
/// use http::StatusCode;
///
/// let problem = Problem::new(StatusCode::CONFLICT, "/problems/taken", "Already taken")
///     .detail("somebody bears that name")
///     .request_id("7f3a");
/// let response: http::Response<String> = problem.into_response();
///
/// assert_eq!(response.status(), 409);
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert!(response.body().contains(r#""request_id":"7f3a""#));
/// ```
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

/// In a box, since it is the rare side of many a `Result`.
#[derive(Debug, Clone)]
struct Parts {
    body: Body,
    headers: HeaderMap,
    auth_error: Option<AuthError>,
}

#[derive(Debug, Clone, Serialize)]
struct Body {
    #[serde(rename = "type")]
    name: Cow<'static, str>,
    title: Cow<'static, str>,
    #[serde(serialize_with = "serialize_status")]
    status: StatusCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<RequestId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The member.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub detail: Cow<'static, str>,
}

/// The id of a request, put among its extensions by whoever gives ids out; problems name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Problem {
    /// A problem of the name that the stable path `name` names, with a title that is always the same.
    pub fn new(
        status: StatusCode,
        name: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        let body = Body {
            name: name.into(),
            title: title.into(),
            status,
            detail: None,
            request_id: None,
            errors: Vec::new(),
        };
        Self(Box::new(Parts { body, headers: HeaderMap::new(), auth_error: None }))
    }

    /// What is the matter this time, for a person. It never repeats what was sent.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.body.detail = Some(detail.into());
        self
    }

    /// By what the log names the request.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.0.body.request_id = Some(RequestId(id.into()));
        self
    }

    /// The [`RequestId`] of the request, if it has one and the problem has none.
    #[must_use]
    pub fn for_request(mut self, extensions: &Extensions) -> Self {
        if self.0.body.request_id.is_none() {
            self.0.body.request_id = extensions.get().cloned();
        }
        self
    }

    /// One more member that is wrong.
    #[must_use]
    pub fn field(
        mut self,
        field: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.0.body.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }

    /// A header that goes with the response; it takes the place of one of that name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.0.body.status
    }

    /// The stable path that names the name of problem.
    pub fn name(&self) -> &str {
        &self.0.body.name
    }

    /// The problem of somebody who was auth_error and had source a credential in this way.
    ///
    /// One body for whatever is wrong with a credential (RFC 6750, section 3.1). The response has
    /// `auth_error` among its extensions, for the log.
    pub fn from_auth_error(auth_error: &AuthError, source: CredentialSource) -> Self {
        let problem = match auth_error {
            AuthError::MissingCredential => {
                unauthenticated("/problems/credential-required", "Credential required", "Bearer")
            }
            AuthError::InvalidCredential(_) => {
                let challenge = match source {
                    CredentialSource::Bearer => r#"Bearer error="invalid_token""#,
                    CredentialSource::Cookie | CredentialSource::None => "Bearer",
                };
                unauthenticated("/problems/invalid-credential", "Invalid credential", challenge)
            }
            AuthError::MultipleCredentials => Self::new(
                StatusCode::BAD_REQUEST,
                "/problems/ambiguous-credential",
                "MultipleCredentials credential",
            ),
            AuthError::StaleRevocations => unavailable("/problems/stale"),
            AuthError::Unavailable => unavailable("/problems/unavailable"),
            AuthError::Forbidden(required) => forbidden(required),
        };
        let mut problem = problem.detail(auth_error.to_string());
        problem.0.auth_error = Some(auth_error.clone());
        problem
    }

    /// The problem of a service whose layers are put together wrongly; it lets nobody in.
    pub(crate) fn missing_auth_layer() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "/problems/misconfigured", "Misconfigured")
            .detail("no AuthLayer stands before this route")
    }

    /// The response, with any body that can be made of text.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let Parts { body, headers, auth_error } = *self.0;
        let text = serde_json::to_string(&body).expect("texts and numbers always serialize");
        let mut response = Response::new(B::from(text));
        *response.status_mut() = body.status;
        *response.headers_mut() = headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        auth_error.and_then(|auth_error| response.extensions_mut().insert(auth_error));
        response
    }
}

fn unauthenticated(name: &'static str, title: &'static str, challenge: &'static str) -> Problem {
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
            Problem::new(StatusCode::FORBIDDEN, "/problems/insufficient-scope", "Insufficient scope")
                .header(WWW_AUTHENTICATE, scope_challenge(scope))
        }
        RequiredPermission::Role(_) => {
            Problem::new(StatusCode::FORBIDDEN, "/problems/forbidden", "Forbidden")
        }
    }
}

/// Names the scope where it can stand in a header (RFC 6750, section 3).
fn scope_challenge(scope: &str) -> HeaderValue {
    let is_plain = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let named =
        scope.bytes().all(is_plain).then(|| format!(r#"Bearer error="insufficient_scope", scope="{scope}""#));
    named
        .and_then(|text| text.try_into().ok())
        .unwrap_or(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#))
}

fn serialize_status<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl From<CrossSiteRequest> for Problem {
    fn from(refused: CrossSiteRequest) -> Self {
        Self::new(StatusCode::FORBIDDEN, "/problems/cross-site", "Cross-site request")
            .detail(refused.to_string())
    }
}

impl From<MultipleCredentials> for Problem {
    fn from(_: MultipleCredentials) -> Self {
        Self::from_auth_error(&AuthError::MultipleCredentials, CredentialSource::None)
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        Self::into_response(self)
    }
}

/// For handlers that ask a principal for a scope or a role with `?`.
#[cfg(feature = "axum")]
impl axum::response::IntoResponse for AuthError {
    fn into_response(self) -> axum::response::Response {
        Problem::from_auth_error(&self, CredentialSource::Bearer).into_response()
    }
}

#[cfg(test)]
mod tests {
    use crate::auth_error::InvalidReason;
    use crate::revocation::log::SubjectKind;

    use super::*;

    fn response(auth_error: &AuthError, source: CredentialSource) -> Response<String> {
        Problem::from_auth_error(auth_error, source).into_response()
    }

    #[test]
    fn whatever_is_wrong_with_a_credential_the_client_reads_the_same() {
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
            InvalidReason::SessionRejected("idle"),
            InvalidReason::Token(counterfoil_jose::Rejection::BadSignature),
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
    fn the_log_learns_from_the_answer_what_the_client_does_not() {
        let auth_error = AuthError::InvalidCredential(InvalidReason::Expired);

        assert_eq!(response(&auth_error, CredentialSource::Bearer).extensions().get(), Some(&auth_error));
    }

    #[test]
    fn a_challenge_says_what_to_bring() {
        let challenge =
            |auth_error: &AuthError, source| response(auth_error, source).headers()[WWW_AUTHENTICATE].clone();
        let scope = |name: &str| AuthError::Forbidden(RequiredPermission::Scope(name.into()));

        assert_eq!(challenge(&AuthError::MissingCredential, CredentialSource::None), "Bearer");
        assert_eq!(
            challenge(&AuthError::InvalidCredential(InvalidReason::Expired), CredentialSource::Cookie),
            "Bearer"
        );
        let named = r#"Bearer error="insufficient_scope", scope="a:b""#;
        assert_eq!(challenge(&scope("a:b"), CredentialSource::Bearer), named);
        assert_eq!(
            challenge(&scope("a\"\r\n"), CredentialSource::Bearer),
            r#"Bearer error="insufficient_scope""#
        );
    }

    #[test]
    fn what_is_out_for_now_says_when_to_come_back() {
        for auth_error in [AuthError::StaleRevocations, AuthError::Unavailable] {
            let response = response(&auth_error, CredentialSource::Bearer);
            assert_eq!(
                (response.status(), &response.headers()[RETRY_AFTER]),
                (StatusCode::SERVICE_UNAVAILABLE, &RETRY_AFTER_SECONDS)
            );
        }
    }

    #[test]
    fn no_problem_is_stored_by_a_cache() {
        assert_eq!(
            response(&AuthError::MissingCredential, CredentialSource::None).headers()[CACHE_CONTROL],
            "no-store"
        );
    }
}
