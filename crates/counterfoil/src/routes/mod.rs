//! Every route of the HTTP contract.

use axum::Router;

use crate::app::App;

/// The router of an installation.
pub(crate) fn router(_app: App) -> Router {
    Router::new()
}
