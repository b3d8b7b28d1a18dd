//! `/admin/health`: every readiness check, and what to do if it fails.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::console::{CheckRow, HealthView};

use crate::app::App;
use crate::app::readiness_check::ReadinessCheck;
use crate::http::error::AppError;
use crate::operations::admin::overview;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::parts;
use crate::pages::console::response::show_live;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// Shows the checks of `GET /readyz`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    let health = parts::health(overview::health(&app).await);
    let check = |check: ReadinessCheck| CheckRow {
        name: check.as_str(),
        is_met: !health.failed.iter().any(|failed| failed == check.as_str()),
        advice: advice(check),
    };
    let checks = ReadinessCheck::ALL.map(check).into();
    let view = HealthView {
        health,
        checks,
        node: app.parts.node_id.to_string(),
        issuer: app.settings().issuer.as_str().to_owned(),
        store: app.settings().store.resolved().to_string(),
    };
    show_live(&app, &request, &administrator, &query, &view)
}

const fn advice(check: ReadinessCheck) -> &'static str {
    match check {
        ReadinessCheck::Closing => "The server is not shutting down.",
        ReadinessCheck::Store => "The store can be read. If not, look at the log for the cause.",
        ReadinessCheck::StoreWrites => {
            "The store can be written. If not, look for a full or read-only disk; reads still work."
        }
        ReadinessCheck::Clock => {
            "No clock jump waits for acceptance. If one does, check the clock and run `counterfoil clock accept`."
        }
        ReadinessCheck::Keys => "The keys in the store could be loaded. If not, check the master key.",
        ReadinessCheck::NodeLease => {
            "This node knows what the others have committed. If not, check its connection to the database."
        }
        ReadinessCheck::Hashing => {
            "The threads that hash passwords make progress. If not, restart the server."
        }
    }
}
