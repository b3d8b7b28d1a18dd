//! `/account/activity`: what has happened to the account.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::ActivityView;
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::pagination::Pagination;
use crate::pages::account::events;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::response::page;
use crate::pages::user::PageUser;

/// How many events a page shows.
const EVENTS: u32 = 50;

/// Lists the events: the same operation as `GET /v1/activity`.
pub(in crate::pages) async fn list(
    State(app): State<App>,
    request: PageRequest,
    user: PageUser,
    query: Query,
) -> Result<Response, AppError> {
    let session: Option<SessionId> = query.get("session").and_then(|text| text.parse().ok());
    let pagination =
        Pagination::new(query.get("after"), EVENTS).or_else(|_| Pagination::new(None, EVENTS))?;
    let (events, next) = events::load(&app, user.current.user, session, &pagination).await?;
    let view = ActivityView { events, next, session: session.map(|id| id.to_string()) };
    page(&app, &request, &request.frame(&app, Some(user.name())), &view)
}
