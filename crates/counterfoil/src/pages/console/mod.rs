//! The console: the pages of administrators, at `/admin`.
//!
//! Each page shows what a route for administrators returns, and each form calls the operation of such a route. Forms that
//! destroy something ask first; the worst ones also want the name of what they destroy and a login of the last ten minutes.

mod administrator;
mod audit;
mod client_changes;
mod clients;
mod configuration;
mod danger;
mod doctor;
mod filter;
mod find;
mod health;
mod key_changes;
mod keys;
mod live;
mod overview;
mod page;
mod parts;
mod rate_limits;
mod revocations;
mod rows;
mod sessions;
mod user;
mod user_changes;
mod users;
mod verifiers;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use crate::app::App;
use crate::http::redirect::permanent_redirect_to_path;

/// The paths of the console, their methods, and their handlers. The handlers require an administrator.
pub(super) fn routes() -> Vec<(&'static str, &'static str, MethodRouter<App>)> {
    let (shown, sent, both) = ("GET, HEAD", "POST", "GET, HEAD, POST");
    vec![
        ("/admin", shown, get(overview::show)),
        ("/admin/find", shown, get(find::find)),
        ("/admin/users", both, get(users::list).post(users::add)),
        ("/admin/users/{id}", shown, get(user::show)),
        ("/admin/users/{id}/{change}", both, get(user_changes::ask).post(user_changes::apply)),
        ("/admin/sessions", shown, get(sessions::list)),
        ("/admin/sessions/{id}/end", sent, post(sessions::end_one)),
        ("/admin/audit", shown, get(audit::list)),
        ("/admin/audit/export", shown, get(audit::export)),
        ("/admin/clients", both, get(clients::list).post(clients::add)),
        ("/admin/clients/{id}", shown, get(clients::show)),
        ("/admin/clients/{id}/{change}", both, get(client_changes::ask).post(client_changes::apply)),
        ("/admin/revocations", shown, get(revocations::list)),
        ("/admin/revocations/revoke", both, get(revocations::ask).post(revocations::revoke)),
        ("/admin/keys", shown, get(keys::show)),
        ("/admin/keys/{id}", both, get(key_changes::ask).post(key_changes::apply)),
        ("/admin/keys/{id}/revoke", both, get(key_changes::ask).post(key_changes::apply)),
        ("/admin/verifiers", both, get(verifiers::show).post(verifiers::add)),
        ("/admin/verifiers/{id}/remove", both, get(verifiers::ask_remove).post(verifiers::remove)),
        ("/admin/rate-limits", shown, get(rate_limits::show)),
        ("/admin/rate-limits/release", both, get(rate_limits::ask_release).post(rate_limits::release)),
        ("/admin/health", shown, get(health::show)),
        ("/admin/configuration", shown, get(configuration::show)),
        ("/admin/live", shown, get(live::stream)),
        ("/admin/doctor", shown, get(doctor::show)),
    ]
}

/// Leads to the console.
pub(super) async fn redirect(State(app): State<App>) -> Response {
    permanent_redirect_to_path(&page::console_path(&app, ""))
}

/// The route that only development mode has.
pub(super) fn development_route() -> (&'static str, &'static str, MethodRouter<App>) {
    ("/doctor", "GET, HEAD", get(doctor::open))
}
