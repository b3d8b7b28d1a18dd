//! `/v1/admin/…` and `/v1/revocations`: the routes for administrators.

pub(super) mod admin_keys;
mod administrator;
pub(super) mod clients;
pub(super) mod events;
pub(super) mod keys;
pub(super) mod revocations;
pub(super) mod users;

use axum::routing::{MethodRouter, delete, get, patch, post};

use crate::app::App;

/// The routes for administrators. The handlers require an `Administrator`.
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
