//! `/admin/keys`: the keys with a picture of their rotation.

use axum::response::Response;

use counterfoil_pages::view::console::KeysView;

use crate::http::error::AppError;
use crate::pages::console::page::ConsolePage;
use crate::pages::console::parts::{key_list, key_row, keys_part};

/// Shows the keys: the same operation as `GET /v1/admin/keys`.
pub(in crate::pages) async fn show(page: ConsolePage) -> Result<Response, AppError> {
    let list = key_list(&page.app).await?;
    let view = KeysView {
        signing: keys_part(&page.app, &list),
        refresh_token_keys: list.refresh_token_keys.iter().map(|key| key_row(key, false)).collect(),
    };
    page.show_live(&view)
}
