//! `/v1/admin/…` and `/v1/revocations`: what administrators see and change.

pub(super) mod admin_keys;
mod administrator;
pub(super) mod clients;
pub(super) mod events;
pub(super) mod keys;
pub(super) mod revocations;
pub(super) mod users;

use std::str::FromStr;

use axum::routing::{MethodRouter, delete, get, patch, post};
use http::Uri;

use crate::app::App;
use crate::http::error::AppError;
use crate::routes::query::Parameters;

/// How many rows a page has unless it is said otherwise, and at most.
const USUAL: u32 = 100;
const MOST: u32 = 1000;

/// The routes of administration. All of them read the credential of an administrator.
pub(super) fn routes() -> [(&'static str, MethodRouter<App>); 11] {
    [
        ("/v1/admin/users", get(users::list).post(users::add)),
        ("/v1/admin/users/{id}", get(users::show).merge(patch(users::change)).delete(users::remove)),
        ("/v1/admin/users/{id}/sessions", get(users::sessions)),
        ("/v1/admin/clients", get(clients::list).post(clients::add)),
        ("/v1/admin/clients/{id}", get(clients::show).merge(patch(clients::change))),
        ("/v1/admin/admin-keys", get(admin_keys::list).post(admin_keys::add)),
        ("/v1/admin/admin-keys/{id}", delete(admin_keys::remove)),
        ("/v1/admin/keys", get(keys::list).post(keys::rotate)),
        ("/v1/admin/keys/{id}", delete(keys::revoke)),
        ("/v1/admin/events", get(events::list)),
        ("/v1/revocations", post(revocations::revoke)),
    ]
}

/// The id in the fifth part of a path, as it was sent: an id has one text, and no escapes.
fn id_in<T: FromStr>(uri: &Uri) -> Result<T, AppError> {
    let id = uri.path().split('/').nth(4).unwrap_or_default();
    id.parse().map_err(|_| AppError::NotFound)
}

/// How many rows are asked for.
fn limit_of(parameters: &Parameters) -> Result<u32, AppError> {
    let Some(text) = parameters.one("limit")? else { return Ok(USUAL) };
    let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| AppError::field("limit", format!("is to be a number from 1 to {MOST}")))
}

/// Cuts the row that only says that there are more; the last of the others leads on.
fn cut<T>(rows: &mut Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Option<String> {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    rows.last().filter(|_| has_more).map(cursor)
}

fn no_cursor() -> AppError {
    AppError::field("after", "is to be what `next` said, unchanged")
}
