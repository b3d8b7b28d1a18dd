//! `/admin/health`: every readiness check, and what to do if it fails.

use axum::response::Response;

use counterfoil_pages::view::console::{CheckRow, HealthView};

use crate::app::readiness_check::ReadinessCheck;
use crate::http::error::AppError;
use crate::operations::admin::overview;
use crate::pages::console::page::ConsolePage;
use crate::pages::console::parts;

/// Shows the checks of `GET /readyz`.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let health = parts::health(overview::health(&page.app).await);
    let check = |check: ReadinessCheck| CheckRow {
        name: check.as_str(),
        is_met: !health.failed.iter().any(|failed| failed == check.as_str()),
        advice: advice(check),
    };
    let checks = ReadinessCheck::ALL.map(check).into();
    let view = HealthView {
        health,
        checks,
        node: page.app.parts.node_id.to_string(),
        issuer: page.app.settings().issuer.as_str().to_owned(),
        store: page.app.settings().store.resolved().to_string(),
    };
    page.show_live(&view)
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
