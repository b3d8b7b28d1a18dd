//! The axum extractors `Principal` and `Option<Principal>`.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::http::auth_state::AuthState;
use crate::http::problem::Problem;
use crate::principal::Principal;

/// Requires an authenticated request: 401 without a valid credential, 503 if it cannot be verified at
/// present.
///
/// On a route without an [`AuthLayer`](crate::AuthLayer) every request gets 500.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let state = auth_state(parts)?;
        state
            .principal()
            .cloned()
            .map_err(|error| Problem::from_auth_error(error, state.source()).for_request(&parts.extensions))
    }
}

/// The principal, or `None` without a credential and with an invalid cookie. An invalid *bearer* credential
/// is still 401, and a credential that cannot be verified at present is 503.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let state = auth_state(parts)?;
        state
            .optional_principal()
            .map(Option::<&Self>::cloned)
            .map_err(|error| Problem::from_auth_error(error, state.source()).for_request(&parts.extensions))
    }
}

fn auth_state(parts: &Parts) -> Result<&AuthState, Problem> {
    AuthState::from_extensions(&parts.extensions)
        .ok_or_else(|| Problem::missing_auth_layer().for_request(&parts.extensions))
}
