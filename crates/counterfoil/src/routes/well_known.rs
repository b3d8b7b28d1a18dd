//! `/.well-known/…`: the public keys and the metadata of the issuer.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::feed::key_set_hash::jwks_body;
use crate::http::response_headers::READABLE_BY_ALL;
use crate::routes::oauth;

/// The cache lifetime of documents that change only with a release.
pub(super) const CACHE_FIVE_MINUTES: (http::HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// Authorization server metadata (RFC 8414, section 2), with the URLs of the configured issuer: a `Host`
/// header must not change them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Metadata)]
pub(super) struct AuthorizationServerMetadata {
    /// The issuer, as configured: the claim `iss`.
    issuer: String,
    /// The URL of the public keys.
    jwks_uri: String,
    /// The URL of introspection (RFC 7662).
    introspection_endpoint: String,
    /// How a resource server authenticates there: a verifier key as the secret of a client, or as a bearer token.
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    /// The URL of revocation (RFC 7009).
    revocation_endpoint: String,
    /// The clients are public ones.
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// Empty, because there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// Empty, because there is no token endpoint of OAuth.
    grant_types_supported: [&'static str; 0],
    /// The URLs of the status lists (Token Status List, section 9.2); absent if access tokens name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status_list_aggregation_endpoint: Option<String>,
    /// The OpenAPI document.
    service_documentation: String,
}

/// Returns the public keys, with which services verify access tokens (RFC 7517, section 5).
///
/// Shared secrets are not published. `Cache-Control` says how long the answer may be kept: a new key signs only after it has
/// been published for that time.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "standards",
    responses((status = 200, description = "A JWK Set", body = Object, content_type = "application/jwk-set+json"))
)]
pub(super) async fn jwks(State(app): State<App>) -> Response {
    // A new key signs only after it has been published for this time.
    let max_age = format!("public, max-age={}", app.parts.keys.schedule().max_age.as_secs());
    let content_type = "application/jwk-set+json".to_owned();
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, max_age)];
    // The feed names the hash of these bytes.
    (READABLE_BY_ALL, headers, jwks_body(&app.parts.keys.active_keys())).into_response()
}

/// Returns the metadata of the issuer, as the URL of its keys (RFC 8414, section 3).
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", operation_id = "authorization_server_metadata",
    tag = "standards",
    responses((status = 200, description = "Metadata", body = AuthorizationServerMetadata))
)]
pub(super) async fn metadata(State(app): State<App>) -> Response {
    let (issuer, url) = (app.settings().issuer.to_string(), app.settings().api_url());
    let metadata = AuthorizationServerMetadata {
        jwks_uri: format!("{url}/.well-known/jwks.json"),
        status_list_aggregation_endpoint: app
            .settings()
            .status_claim
            .then(|| app.parts.status_lists.aggregation_url()),
        introspection_endpoint: format!("{url}{}", oauth::INTROSPECT),
        introspection_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
            "Bearer",
        ],
        revocation_endpoint: format!("{url}{}", oauth::REVOKE),
        revocation_endpoint_auth_methods_supported: ["none"],
        service_documentation: format!("{url}/openapi.json"),
        response_types_supported: [],
        grant_types_supported: [],
        issuer,
    };
    (READABLE_BY_ALL, [CACHE_FIVE_MINUTES], Json(metadata)).into_response()
}
