//! `/admin/keys`: the keys with a picture of their rotation.

use axum::extract::State;
use axum::response::Response;

use counterfoil_pages::Moment;
use counterfoil_pages::view::console::{KeyPlot, KeyRow, KeyTimes, KeysView};

use crate::app::App;
use crate::http::error::AppError;
use crate::operations::admin::keys;
use crate::operations::admin::views::KeyView;
use crate::operations::pagination::Pagination;
use crate::pages::console::administrator::ConsoleAdministrator;
use crate::pages::console::response::show as show_page;
use crate::pages::page_request::PageRequest;

/// The most keys on the page. A rotation each day for years has more; the oldest are removed ones.
const KEYS: u32 = 1_000;

/// How many of the newest keys the picture has.
const DRAWN: usize = 8;

/// Shows the keys: the same operation as `GET /v1/admin/keys`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    request: PageRequest,
    administrator: ConsoleAdministrator,
) -> Result<Response, AppError> {
    let list = keys::list(&app, Pagination::new(None, KEYS)?).await?;
    let drawn: Vec<_> = list.keys[list.keys.len().saturating_sub(DRAWN)..].iter().map(times).collect();
    let view = KeysView {
        keys: list.keys.iter().map(|key| row(key, true)).collect(),
        refresh_token_keys: list.refresh_token_keys.iter().map(|key| row(key, false)).collect(),
        plot: KeyPlot::new(&drawn, administrator.current.now.unix_seconds()),
    };
    show_page(&app, &request, &administrator, &view)
}

fn row(key: &KeyView, is_signing: bool) -> KeyRow {
    KeyRow {
        id: key.id.clone(),
        algorithm: key.algorithm.clone(),
        state: key.state.clone(),
        created: Moment::from_unix_seconds(key.created_at),
        activated: key.activated_at.map(Moment::from_unix_seconds),
        removed: key.removed_at.map(Moment::from_unix_seconds),
        is_revocable: is_signing && !is_gone(key),
    }
}

/// Whether no token of the key is valid any more.
fn is_gone(key: &KeyView) -> bool {
    ["removed", "revoked"].contains(&key.state.as_str())
}

fn times(key: &KeyView) -> KeyTimes {
    let gone_at = Some(key.changed_at).filter(|_| is_gone(key));
    KeyTimes {
        id: key.id.clone(),
        published: key.created_at,
        signs_from: key.activated_at,
        signs_until: key.retired_at.or(gone_at),
        good_until: key.removed_at.or(gone_at),
    }
}
