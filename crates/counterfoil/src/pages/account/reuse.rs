//! `/account/reuse`: what a user learns after signing in, if a refresh token of theirs was used twice.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::ReuseView;
use counterfoil_pages::{Device, Moment};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::redirect::{account_path, redirect_to_path};
use crate::http::return_to::ReturnTo;
use crate::operations::activity::untold_reuse;
use crate::pages::account::session_items::device_of;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;
use crate::pages::response::{continue_path, page};
use crate::pages::user::PageUser;

/// Shows the event before the last sign-in; without one, leads to the account.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    user: PageUser,
    query: Query,
) -> Result<Response, AppError> {
    let Some(event) = untold_reuse(&app, user.current.user).await? else {
        return Ok(redirect_to_path(&account_path(app.settings())));
    };
    let session = match event.session {
        Some(id) => app.parts.store.session(id).await?,
        None => None,
    };
    let target = query.return_to(&app).unwrap_or_else(|| ReturnTo::path(account_path(app.settings())));
    let view = ReuseView {
        device: session.as_ref().map_or_else(|| Device::new(None, None), device_of),
        at: Moment::from_unix_seconds(event.at.unix_seconds()),
        continue_url: continue_path(&app, &target),
    };
    page(&app, &request, &request.frame(&app, Some(user.name())), &view)
}
