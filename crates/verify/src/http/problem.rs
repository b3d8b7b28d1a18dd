//! What a client is told when something is refused: RFC 9457, and the headers that go with it.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::{Serialize, Serializer};

use crate::auth_error::{Denied, Needed};
use crate::http::credentials::{Ambiguous, Shown};
use crate::http::csrf::CrossSite;

/// After how many seconds a client may ask again when we are out.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A problem (RFC 9457, section 3), with its status and headers.
///
/// ```
/// use counterfoil_verify::Problem;
/// use http::StatusCode;
///
/// let problem = Problem::new(StatusCode::CONFLICT, "/problems/taken", "Already taken")
///     .detail("somebody bears that name")
///     .request_id("7f3a");
/// let answer: http::Response<String> = problem.into_response();
///
/// assert_eq!(answer.status(), 409);
/// assert_eq!(answer.headers()["content-type"], "application/problem+json");
/// assert!(answer.body().contains(r#""request_id":"7f3a""#));
/// ```
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

/// In a box, since it is the rare side of many a `Result`.
#[derive(Debug, Clone)]
struct Parts {
    body: Body,
    headers: HeaderMap,
    denied: Option<Denied>,
}

#[derive(Debug, Clone, Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: Cow<'static, str>,
    title: Cow<'static, str>,
    #[serde(serialize_with = "as_number")]
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
    /// A problem of the kind that the stable path `kind` names, with a title that is always the same.
    pub fn new(
        status: StatusCode,
        kind: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        let body = Body {
            kind: kind.into(),
            title: title.into(),
            status,
            detail: None,
            request_id: None,
            errors: Vec::new(),
        };
        Self(Box::new(Parts { body, headers: HeaderMap::new(), denied: None }))
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

    /// A header that goes with the answer; it takes the place of one of that name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.body.status
    }

    /// The stable path that names the kind of problem.
    pub fn kind(&self) -> &str {
        &self.0.body.kind
    }

    /// The problem of somebody who was denied and had shown a credential in this way.
    ///
    /// One body for whatever is wrong with a credential (RFC 6750, section 3.1). The answer has
    /// `denied` among its extensions, for the log.
    pub fn of_denied(denied: &Denied, shown: Shown) -> Self {
        let problem = match denied {
            Denied::Missing => {
                unauthenticated("/problems/credential-required", "Credential required", "Bearer")
            }
            Denied::Invalid(_) => {
                let challenge = match shown {
                    Shown::Bearer => r#"Bearer error="invalid_token""#,
                    Shown::Cookie | Shown::Nothing => "Bearer",
                };
                unauthenticated("/problems/invalid-credential", "Invalid credential", challenge)
            }
            Denied::Ambiguous => {
                Self::new(StatusCode::BAD_REQUEST, "/problems/ambiguous-credential", "Ambiguous credential")
            }
            Denied::Stale => unavailable("/problems/stale"),
            Denied::Unavailable => unavailable("/problems/unavailable"),
            Denied::Forbidden(needed) => forbidden(needed),
        };
        let mut problem = problem.detail(denied.to_string());
        problem.0.denied = Some(denied.clone());
        problem
    }

    /// The problem of a service whose layers are put together wrongly; it lets nobody in.
    pub(crate) fn without_layer() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "/problems/misconfigured", "Misconfigured")
            .detail("no AuthLayer stands before this route")
    }

    /// The answer, with any body that can be made of text.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let Parts { body, headers, denied } = *self.0;
        let text = serde_json::to_string(&body).expect("texts and numbers always serialize");
        let mut answer = Response::new(B::from(text));
        *answer.status_mut() = body.status;
        *answer.headers_mut() = headers;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        denied.and_then(|denied| answer.extensions_mut().insert(denied));
        answer
    }
}

fn unauthenticated(kind: &'static str, title: &'static str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, kind, title)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn unavailable(kind: &'static str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, "Unavailable").header(RETRY_AFTER, RETRY_SECONDS)
}

fn forbidden(needed: &Needed) -> Problem {
    match needed {
        Needed::Scope(scope) => {
            Problem::new(StatusCode::FORBIDDEN, "/problems/insufficient-scope", "Insufficient scope")
                .header(WWW_AUTHENTICATE, scope_challenge(scope))
        }
        Needed::Role(_) => Problem::new(StatusCode::FORBIDDEN, "/problems/forbidden", "Forbidden"),
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

fn as_number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl From<CrossSite> for Problem {
    fn from(refused: CrossSite) -> Self {
        Self::new(StatusCode::FORBIDDEN, "/problems/cross-site", "Cross-site request")
            .detail(refused.to_string())
    }
}

impl From<Ambiguous> for Problem {
    fn from(_: Ambiguous) -> Self {
        Self::of_denied(&Denied::Ambiguous, Shown::Nothing)
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
impl axum::response::IntoResponse for Denied {
    fn into_response(self) -> axum::response::Response {
        Problem::of_denied(&self, Shown::Bearer).into_response()
    }
}

#[cfg(test)]
mod tests {
    use crate::auth_error::Reason;
    use crate::revocation::log::RevokedAs;

    use super::*;

    fn answer(denied: &Denied, shown: Shown) -> Response<String> {
        Problem::of_denied(denied, shown).into_response()
    }

    #[test]
    fn whatever_is_wrong_with_a_credential_the_client_reads_the_same() {
        let reasons = [
            Reason::Claims,
            Reason::Issuer,
            Reason::Audience,
            Reason::Expired,
            Reason::NotYetValid,
            Reason::IssuedInFuture,
            Reason::Lifetime,
            Reason::Kind,
            Reason::Revoked(RevokedAs::Session),
            Reason::Record("idle"),
            Reason::Token(counterfoil_jose::Rejection::BadSignature),
        ];
        let answers = reasons.map(|reason| {
            let answer = answer(&Denied::Invalid(reason), Shown::Bearer);
            (answer.status(), answer.headers().clone(), answer.into_body())
        });

        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(answers[0].0, 401);
        assert_eq!(answers[0].1[WWW_AUTHENTICATE], r#"Bearer error="invalid_token""#);
    }

    #[test]
    fn the_log_learns_from_the_answer_what_the_client_does_not() {
        let denied = Denied::Invalid(Reason::Expired);

        assert_eq!(answer(&denied, Shown::Bearer).extensions().get(), Some(&denied));
    }

    #[test]
    fn a_challenge_says_what_to_bring() {
        let challenge = |denied: &Denied, shown| answer(denied, shown).headers()[WWW_AUTHENTICATE].clone();
        let scope = |name: &str| Denied::Forbidden(Needed::Scope(name.into()));

        assert_eq!(challenge(&Denied::Missing, Shown::Nothing), "Bearer");
        assert_eq!(challenge(&Denied::Invalid(Reason::Expired), Shown::Cookie), "Bearer");
        let named = r#"Bearer error="insufficient_scope", scope="a:b""#;
        assert_eq!(challenge(&scope("a:b"), Shown::Bearer), named);
        assert_eq!(challenge(&scope("a\"\r\n"), Shown::Bearer), r#"Bearer error="insufficient_scope""#);
    }

    #[test]
    fn what_is_out_for_now_says_when_to_come_back() {
        for denied in [Denied::Stale, Denied::Unavailable] {
            let answer = answer(&denied, Shown::Bearer);
            assert_eq!(
                (answer.status(), &answer.headers()[RETRY_AFTER]),
                (StatusCode::SERVICE_UNAVAILABLE, &RETRY_SECONDS)
            );
        }
    }

    #[test]
    fn no_problem_is_stored_by_a_cache() {
        assert_eq!(answer(&Denied::Missing, Shown::Nothing).headers()[CACHE_CONTROL], "no-store");
    }
}
