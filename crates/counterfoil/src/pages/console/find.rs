//! `/admin/find`: one field for everything that has a page.

use axum::response::Response;

use counterfoil_verify::SessionId;

use crate::http::error::AppError;
use crate::http::redirect::redirect_to_path;
use crate::pages::console::filter::{find_user, text, with_query};
use crate::pages::console::page::ConsolePage;

/// Leads to the user or the session with this id, to the user with this name or verified e-mail address, or else to the users
/// whose names begin so.
pub(in crate::pages) async fn find(page: ConsolePage) -> Result<Response, AppError> {
    let text = text(&page.query, "q");
    let to = |path: String| Ok(redirect_to_path(&page.path(&path)));
    if let Ok(id) = text.parse::<SessionId>()
        && page.app.parts.store.session(id).await?.is_some()
    {
        return to(format!("/audit?session={id}"));
    }
    if let Some(id) = find_user(&page.app, &text).await? {
        return to(format!("/users/{id}"));
    }
    Ok(redirect_to_path(&with_query(&page.path("/users"), &[("prefix", &text)])))
}
