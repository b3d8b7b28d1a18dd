//! `/admin/find`: one field for everything that has a page.

use axum::extract::State;
use axum::response::Response;

use counterfoil_verify::SessionId;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::redirect::redirect_to_path;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::filter::{find_user, text, with_query};
use crate::pages::console::response::console_path;
use crate::pages::query::Query;

/// Leads to the user or the session with this id, to the user with this name or verified e-mail address, or else to the users
/// whose names begin so.
pub(in crate::pages) async fn find(
    State(app): State<App>,
    _: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    let text = text(&query, "q");
    let to = |path: String| Ok(redirect_to_path(&console_path(&app, &path)));
    if let Ok(id) = text.parse::<SessionId>()
        && app.parts.store.session(id).await?.is_some()
    {
        return to(format!("/audit?session={id}"));
    }
    if let Some(id) = find_user(&app, &text).await? {
        return to(format!("/users/{id}"));
    }
    Ok(redirect_to_path(&with_query(&console_path(&app, "/users"), &[("prefix", &text)])))
}
