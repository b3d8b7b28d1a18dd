//! `/admin`: the installation at a glance.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::console::{OverviewView, StatsPart};

use crate::app::App;
use crate::counters::Outcome;
use crate::http::error::AppError;
use crate::operations::admin::audit_log::{self, AuditEventFilter};
use crate::operations::pagination::Pagination;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::health;
use crate::pages::console::response::show as show_page;
use crate::pages::console::rows::event_row;
use crate::pages::page_request::PageRequest;

/// How many of the latest events it shows.
const EVENTS: u32 = 10;

/// Shows the overview.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
) -> Result<Response, AppError> {
    let events = audit_log::list(&app, &AuditEventFilter::default(), Pagination::new(None, EVENTS)?).await?;
    let view = OverviewView {
        health: health::part(&app, &app.failed_checks().await),
        stats: stats(&app),
        events: events.items.iter().map(event_row).collect(),
    };
    show_page(&app, &request, &administrator, &view)
}

fn stats(app: &App) -> StatsPart {
    let logins = &app.parts.metrics.logins;
    let followers = app.parts.feed.followers();
    let stale = followers.iter().filter(|status| status.lease_left.is_zero()).count();
    StatsPart {
        logins: logins.total(Outcome::Success),
        failed_logins: logins.total(Outcome::Failure),
        limited_logins: logins.total(Outcome::RateLimited),
        cached_sessions: app.parts.session_cache.len() as u64,
        active_revocations: app.parts.session_cache.revocations().len() as u64,
        verifiers: followers.len() as u64,
        stale_verifiers: stale as u64,
    }
}
