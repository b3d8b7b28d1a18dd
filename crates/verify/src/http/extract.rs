//! A handler that takes a `Principal` is reached by those alone who are somebody.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::http::auth_state::AuthState;
use crate::http::problem::Problem;
use crate::principal::Principal;

/// Who is calling; 401 where it is nobody, 503 where that cannot be told.
///
/// Without an [`AuthLayer`](crate::AuthLayer) before the route it is 500 for everybody.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let state = auth_state(parts)?;
        let problem = |error| Problem::from_auth_error(error, state.source()).for_request(&parts.extensions);
        state.principal().cloned().map_err(problem)
    }
}

/// Who is calling, if anybody: `None` where nothing is shown and where a cookie is worth nothing any
/// more. A *bearer* that is worth nothing is 401 here too, and what cannot be told is 503.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let state = auth_state(parts)?;
        let problem = |error| Problem::from_auth_error(error, state.source()).for_request(&parts.extensions);
        state.optional_principal().map(Option::<&Self>::cloned).map_err(problem)
    }
}

fn auth_state(parts: &Parts) -> Result<&AuthState, Problem> {
    AuthState::from_extensions(&parts.extensions)
        .ok_or_else(|| Problem::missing_auth_layer().for_request(&parts.extensions))
}
