//! `/.well-known/…`: what verifiers and clients find out by themselves.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// For how long what changes with a release alone may be stored.
pub(super) const PUBLIC: (http::HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// What the issuer says of itself (RFC 8414, section 2): as configured, never as a request calls us.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Metadata {
    issuer: String,
    jwks_uri: String,
    /// There is no authorization endpoint, and so nothing that it would answer.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 0],
    /// The contract of this API.
    service_documentation: String,
}

/// Shows the public keys (RFC 7517, section 5). Secret ones are not among them.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "standards",
    responses((status = 200, description = "A JWK Set", body = Object, content_type = "application/jwk-set+json"))
)]
pub(super) async fn jwks(State(app): State<App>) -> Response {
    // Exactly as long as a new key is published before anything is signed with it.
    let max_age = format!("public, max-age={}", app.keys.schedule().max_age.as_secs());
    let kind = "application/jwk-set+json".to_owned();
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, max_age)], Json(app.keys.active_keys().jwks())).into_response()
}

/// Shows what the issuer says of itself (RFC 8414, section 3).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "standards",
    responses((status = 200, description = "Metadata", body = Metadata))
)]
pub(super) async fn metadata(State(app): State<App>) -> Response {
    let issuer = app.settings().issuer.to_string();
    let metadata = Metadata {
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        service_documentation: format!("{issuer}/openapi.json"),
        response_types_supported: [],
        grant_types_supported: [],
        issuer,
    };
    ([PUBLIC], Json(metadata)).into_response()
}
