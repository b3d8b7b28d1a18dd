//! `/admin/keys`: the keys with a picture of their rotation.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::view::console::KeysView;

use crate::app::App;
use crate::http::error::AppError;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::parts::{key_list, key_row, keys_part};
use crate::pages::console::response::show_live;
use crate::pages::page_request::PageRequest;
use crate::pages::query::Query;

/// Shows the keys: the same operation as `GET /v1/admin/keys`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
    query: Query,
) -> Result<Response, AppError> {
    let list = key_list(&app).await?;
    let view = KeysView {
        signing: keys_part(&app, &list),
        refresh_token_keys: list.refresh_token_keys.iter().map(|key| key_row(key, false)).collect(),
    };
    show_live(&app, &request, &administrator, &query, &view)
}
