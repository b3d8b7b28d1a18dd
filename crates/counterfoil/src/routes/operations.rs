//! `/healthz` and `/readyz`: for whoever looks after the process.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::error::AppError;
use crate::routes::responses::Unavailable;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `alive`, or `ready`.
    status: &'static str,
}

/// Tells that the process is alive. It asks nobody.
#[utoipa::path(
    get, path = "/healthz", tag = "operations",
    responses((status = 200, description = "Alive", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Tells whether requests may come, and what is missing if not.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "Ready", body = Health), Unavailable)
)]
pub(super) async fn readyz(State(app): State<App>) -> Result<Json<Health>, AppError> {
    let missing = app.readiness().await;
    if missing.is_empty() {
        return Ok(Json(Health { status: "ready" }));
    }
    Err(AppError::NotReady(missing.join(", ")))
}
