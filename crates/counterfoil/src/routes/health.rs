//! `GET /healthz` and `GET /readyz`: liveness and readiness, for orchestrators and load balancers.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::error::not_ready;

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Liveness {
    /// `alive`.
    status: &'static str,
}

/// Whether the server can serve requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ready` or `unavailable`.
    status: &'static str,
    /// If unavailable, the checks that failed: `closing`, `store`, `store_writes`, `clock`, `keys`,
    /// `hashing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<&'static str>,
}

/// Reports that the process is alive.
///
/// For liveness probes. It checks nothing else.
#[utoipa::path(
    get, path = "/healthz", operation_id = "liveness", tag = "operations",
    responses((status = 200, description = "Alive", body = Liveness))
)]
pub(super) async fn healthz() -> Json<Liveness> {
    Json(Liveness { status: "alive" })
}

/// Reports whether the server can serve requests, and the checks that failed.
///
/// For readiness probes and load balancers.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readiness", tag = "operations",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Unavailable; see Retry-After", body = Readiness),
    )
)]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let failed = app.readiness().await;
    if failed.is_empty() {
        return Json(Readiness { status: "ready", failed }).into_response();
    }
    let logged = format!("not ready: {}", failed.join(", "));
    not_ready(Readiness { status: "unavailable", failed }, logged)
}
