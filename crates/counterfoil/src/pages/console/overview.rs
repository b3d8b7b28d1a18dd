//! `/admin`: the installation at a glance.

use axum::response::Response;

use counterfoil_pages::view::console::OverviewView;

use crate::http::error::AppError;
use crate::operations::admin::overview;
use crate::pages::console::page::ConsolePage;
use crate::pages::console::parts;

/// Shows the overview.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let view = OverviewView {
        health: parts::health(overview::health(&page.app).await),
        stats: parts::stats(&page.app),
        revocations: parts::revocations(&page.app).await?,
        audit: parts::audit(&page.app).await?.0,
    };
    page.show_live(&view)
}
