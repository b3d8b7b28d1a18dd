//! The errors of `/oauth/*`: the body of RFC 6749, section 5.2, in place of a problem document.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

use counterfoil_verify::Problem;

/// Why an endpoint of OAuth refuses a request, beyond what each route may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OAuthError {
    /// The request is malformed. Holds what would be right.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The caller did not authenticate, or not as the endpoint requires.
    #[error("{detail}")]
    InvalidClient {
        /// What is wrong and what would be right.
        detail: &'static str,
        /// The scheme of the challenge.
        scheme: ChallengeScheme,
    },
    /// The token was issued to another client than the one that the request names.
    #[error("the token was issued to another client: leave out `client_id`, or send the one of the token")]
    IssuedToAnotherClient,
    /// The credential is of a kind that the endpoint cannot revoke.
    #[error("this is the key of a program, which only an administrator removes")]
    UnsupportedTokenType,
}

/// The scheme that a 401 names: the one that the request used (RFC 6749, section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChallengeScheme {
    /// RFC 7617. Also for a request without `Authorization`.
    Basic,
    /// RFC 6750.
    Bearer,
}

impl ChallengeScheme {
    /// The value of `WWW-Authenticate`.
    pub(crate) const fn challenge(self) -> HeaderValue {
        match self {
            Self::Basic => HeaderValue::from_static(r#"Basic realm="counterfoil""#),
            Self::Bearer => HeaderValue::from_static(r#"Bearer error="invalid_token""#),
        }
    }
}

/// The body of an error of an endpoint of OAuth (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct OAuthErrorBody {
    /// The code, for programs.
    error: &'static str,
    /// What is wrong, for people. It can change between versions.
    error_description: String,
}

impl OAuthErrorBody {
    fn new(problem: &Problem) -> Self {
        let description = problem.detail_text().unwrap_or_default();
        Self {
            error: error_code(problem),
            // The characters that RFC 6749, section 5.2, allows.
            error_description: description
                .chars()
                .map(|c| if matches!(c, ' ' | '!' | '#'..='[' | ']'..='~') { c } else { '\'' })
                .collect(),
        }
    }
}

/// The code of RFC 6749, section 5.2, RFC 7009, section 2.2.1, or, for the state of the server, RFC 6749, section 4.1.2.1.
fn error_code(problem: &Problem) -> &'static str {
    match (problem.name(), problem.status().as_u16()) {
        ("invalid-grant", _) => "invalid_grant",
        ("unsupported-token-type", _) => "unsupported_token_type",
        (_, 401) => "invalid_client",
        (_, 429 | 503) => "temporarily_unavailable",
        (_, 500..) => "server_error",
        _ => "invalid_request",
    }
}

/// Replaces the body of an error response by that of RFC 6749.
pub(crate) fn replace_body(response: &mut Response, problem: &Problem) {
    *response.body_mut() = Json(OAuthErrorBody::new(problem)).into_response().into_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn problem(status: StatusCode, name: &'static str) -> Problem {
        Problem::new(status, name, "Title").detail("say \"a\\b\" in \u{e9}")
    }

    #[test]
    fn every_error_has_a_code_of_the_rfcs_and_a_description_of_allowed_characters() {
        for (status, name, code) in [
            (400, "invalid-request", "invalid_request"),
            (400, "unsupported-token-type", "unsupported_token_type"),
            (400, "invalid-grant", "invalid_grant"),
            (401, "invalid-client", "invalid_client"),
            (405, "method-not-allowed", "invalid_request"),
            (413, "body-too-large", "invalid_request"),
            (415, "unsupported-media-type", "invalid_request"),
            (429, "too-many-requests", "temporarily_unavailable"),
            (500, "internal", "server_error"),
            (503, "unavailable", "temporarily_unavailable"),
        ] {
            let body = OAuthErrorBody::new(&problem(StatusCode::from_u16(status).unwrap(), name));
            assert_eq!((body.error, body.error_description.as_str()), (code, "say 'a'b' in '"));
        }
    }
}
