//! `/` in development mode: a page that says what the server has and what to try.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;

use counterfoil_core::services::InternalError;
use counterfoil_core::services::ServiceError;
use counterfoil_jose::{base64url, random};

use crate::app::App;
use crate::http::error::AppError;

/// Shows the page. Its policy allows its own style and nothing else: no script, no frame, no form.
pub(super) async fn show(State(app): State<App>) -> Result<Response, AppError> {
    let mode = app.settings().development_mode.as_ref().ok_or(AppError::NotFound)?;
    let random =
        random::bytes::<16>().map_err(|error| ServiceError::from(InternalError::Randomness(error)))?;
    let nonce = base64url::encode(random);
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = Html(mode.page(&nonce)).into_response();
    let policy = HeaderValue::try_from(policy).expect("the policy and a nonce in base64url are ASCII");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
