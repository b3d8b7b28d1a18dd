//! `/v1/admin/…`, `/v1/revocations` and `/v1/doctor/…`: the routes for administrators.

pub(super) mod admin_keys;
mod administrator;
pub(super) mod clients;
pub(super) mod doctor;
pub(super) mod events;
pub(super) mod keys;
pub(super) mod live;
pub(super) mod nodes;
pub(super) mod rate_limits;
pub(super) mod revocations;
pub(super) mod sessions;
pub(super) mod users;
pub(super) mod verifier_keys;
pub(super) mod verifiers;

use axum::routing::{delete, get, patch, post};

use crate::routes::RouteEntry;

/// The routes for administrators. The handlers require an `Administrator`, two of those for the doctor a `Probe`.
pub(super) fn routes() -> [RouteEntry; 21] {
    [
        ("/v1/doctor/probes", "POST", post(doctor::add_probe)),
        ("/v1/doctor/request", "GET, HEAD", get(doctor::request)),
        ("/v1/doctor/events", "GET, HEAD", get(doctor::events)),
        ("/v1/admin/users", "GET, HEAD, POST", get(users::list).post(users::add)),
        (
            "/v1/admin/users/{id}",
            "GET, HEAD, PATCH, DELETE",
            get(users::show).merge(patch(users::change)).delete(users::remove),
        ),
        ("/v1/admin/users/{id}/sessions", "GET, HEAD", get(users::sessions)),
        ("/v1/admin/sessions", "GET, HEAD", get(sessions::list)),
        ("/v1/admin/clients", "GET, HEAD, POST", get(clients::list).post(clients::add)),
        ("/v1/admin/clients/{id}", "GET, HEAD, PATCH", get(clients::show).merge(patch(clients::change))),
        ("/v1/admin/admin-keys", "GET, HEAD, POST", get(admin_keys::list).post(admin_keys::add)),
        ("/v1/admin/admin-keys/{id}", "DELETE", delete(admin_keys::remove)),
        ("/v1/admin/nodes", "GET, HEAD", get(nodes::list)),
        ("/v1/admin/verifiers", "GET, HEAD", get(verifiers::list)),
        ("/v1/admin/verifier-keys", "GET, HEAD, POST", get(verifier_keys::list).post(verifier_keys::add)),
        ("/v1/admin/verifier-keys/{id}", "DELETE", delete(verifier_keys::remove)),
        ("/v1/admin/keys", "GET, HEAD, POST", get(keys::list).post(keys::rotate)),
        ("/v1/admin/keys/{id}", "DELETE", delete(keys::revoke)),
        (
            "/v1/admin/rate-limits",
            "GET, HEAD, DELETE",
            get(rate_limits::show).merge(delete(rate_limits::release)),
        ),
        ("/v1/admin/events", "GET, HEAD", get(events::list)),
        ("/v1/admin/live", "GET, HEAD", get(live::stream)),
        ("/v1/revocations", "GET, HEAD, POST", get(revocations::list).post(revocations::revoke)),
    ]
}
