//! `/admin`: the installation at a glance.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::console::OverviewView;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::overview;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::parts;
use crate::pages::console::response::show_live;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// Shows the overview.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    let view = OverviewView {
        health: parts::health(overview::health(&app).await),
        stats: parts::stats(&app),
        revocations: parts::revocations(&app).await?,
        audit: parts::audit(&app).await?.0,
    };
    show_live(&app, &request, &administrator, &query, &view)
}
