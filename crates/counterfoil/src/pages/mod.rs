//! The pages that people see: sign-in, registration, account, and the console of administrators.
//!
//! A page reads a form, calls the operation that the JSON route calls, and answers with a redirect or a page. What a page
//! looks like is in the crate `counterfoil-pages`.

mod account;
#[cfg(feature = "admin")]
mod console;
mod ended_session;
mod flash;
mod form_errors;
mod login;
mod logout;
mod page_request;
pub(crate) mod problem;
mod query;
pub(crate) mod reference;
mod refresh;
mod register;
mod response;
mod small;
mod user;

use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::app::App;
use crate::pages::account::{activity, reuse, security, session, sessions};
use crate::pages::refresh::keep_signed_in;

/// The paths of the pages, their methods, and their handlers.
pub(crate) fn routes(app: &App) -> Vec<(&'static str, &'static str, MethodRouter<App>)> {
    let signed_in = || from_fn_with_state(app.clone(), keep_signed_in);
    let (shown, sent, both) = ("GET, HEAD", "POST", "GET, HEAD, POST");
    let mut routes = vec![
        ("/login", both, get(login::show.layer(signed_in())).post(login::submit)),
        ("/register", both, get(register::show).post(register::submit)),
        ("/logout", both, get(logout::show).post(logout::submit)),
        ("/continue", shown, get(small::continue_to)),
        ("/language", sent, post(small::set_language)),
        ("/account", shown, get(small::account)),
        ("/account/sessions", shown, get(sessions::list).layer(signed_in())),
        ("/account/sessions/end-others", sent, post(sessions::end_others).layer(signed_in())),
        (
            "/account/sessions/end-all",
            both,
            get(sessions::ask_end_all).post(sessions::end_all).layer(signed_in()),
        ),
        ("/account/sessions/{id}", shown, get(session::show).layer(signed_in())),
        ("/account/sessions/{id}/end", sent, post(sessions::end_one).layer(signed_in())),
        ("/account/sessions/{id}/label", sent, post(session::rename).layer(signed_in())),
        ("/account/security", both, get(security::show).post(security::submit).layer(signed_in())),
        ("/account/activity", shown, get(activity::list).layer(signed_in())),
        ("/account/reuse", shown, get(reuse::show).layer(signed_in())),
    ];
    // Password managers look for it at the root of the origin.
    if app.settings().base_path.is_root() {
        routes.push(("/.well-known/change-password", shown, get(small::change_password)));
    }
    #[cfg(feature = "admin")]
    if app.settings().console.enabled && app.settings().development_mode.is_some() {
        routes.push(console::development_route());
    }
    #[cfg(feature = "admin")]
    let console = if app.settings().console.enabled { console::routes() } else { Vec::new() };
    #[cfg(feature = "admin")]
    let console = console.into_iter().map(|(path, methods, route)| (path, methods, route.layer(signed_in())));
    #[cfg(feature = "admin")]
    let routes = routes.into_iter().chain(console).collect();
    routes
}

/// The path at which people look for the console, if there is one: a redirect to it. Only the server has it: an application may have
/// such a path of its own.
#[cfg(feature = "admin")]
pub(crate) fn console_redirect(app: &App) -> Option<(&'static str, &'static str, MethodRouter<App>)> {
    app.settings().console.enabled.then(|| ("/console", "GET, HEAD", get(console::redirect)))
}

/// The static files, which are not pages: a browser loads them from a page.
pub(crate) fn asset_route() -> (&'static str, &'static str, MethodRouter<App>) {
    ("/assets/{name}", "GET, HEAD", get(small::asset))
}

/// `/` of a server without another page there.
pub(crate) fn root_route() -> MethodRouter<App> {
    get(small::account)
}
