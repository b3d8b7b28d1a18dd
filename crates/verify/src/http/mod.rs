//! The tower layers and axum extractors, and how they read credentials and answer with problems.

pub mod auth_layer;
pub mod auth_state;
pub mod cookies;
pub mod credentials;
pub mod csrf;
pub mod csrf_layer;
#[cfg(feature = "axum")]
mod extract;
pub mod origin;
#[cfg(feature = "axum")]
pub(crate) mod permissions;
pub mod problem;
pub mod require;
pub mod response_future;
