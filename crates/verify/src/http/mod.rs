//! Tower layers and axum extractors: authentication, permissions, CSRF protection, problem documents.

pub(crate) mod auth_layer;
pub(crate) mod auth_response_future;
mod auth_settings;
pub(crate) mod auth_state;
mod cache_headers;
pub(crate) mod cookies;
pub(crate) mod credentials;
pub(crate) mod cross_site_request;
pub(crate) mod csrf;
pub(crate) mod csrf_layer;
#[cfg(feature = "axum")]
mod extract;
pub(crate) mod origin;
#[cfg(feature = "axum")]
pub(crate) mod permissions;
pub(crate) mod problem;
pub(crate) mod problem_issuer;
pub(crate) mod require;
pub(crate) mod response_future;
pub(crate) mod stale_policy_layer;
