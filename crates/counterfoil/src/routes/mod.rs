//! Every route of the HTTP contract: handlers that read a request, ask the engine, and write an answer.

mod answers;
mod login;
mod logout;
mod me;
mod openapi;
mod operations;
mod password;
mod query;
mod refresh;
mod register;
mod scope;
mod session_data;
mod sessions;
mod token;
mod well_known;

use std::convert::Infallible;

use axum::Router;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, patch, post};
use tower_http::catch_panic::CatchPanicLayer;

use counterfoil_verify::CsrfLayer;

use crate::app::App;
use crate::failure::AppError;
use crate::headers;
use crate::time_limit::in_time;

pub use openapi::openapi;

/// Every route, to be merged into a router of the host: what matches none of them is the host's.
///
/// Paths match byte for byte. A doubled or trailing slash, another case or an escape is another path.
pub(crate) fn router(app: App) -> Router {
    let routes = everything(&app).into_iter();
    routes.fold(Router::new(), |router, (path, route)| router.route(path, route)).with_state(app)
}

/// Every route, and a problem for whatever matches none: for a server that has nothing else.
pub(crate) fn site(app: App) -> Router {
    let lost = not_found.layer(from_fn_with_state(app.clone(), headers::finish));
    router(app).fallback_service(lost.with_state(()))
}

/// The paths with what answers there, all wrapped alike.
fn everything(app: &App) -> Vec<(&'static str, MethodRouter<App>)> {
    let with_cookie = app.csrf_layer();
    // Where the harm is to be signed in, or out, as somebody else, every write is judged.
    let always = app.csrf_layer().always();
    let judged_always = [
        ("/v1/register", post(register::register)),
        ("/v1/login", post(login::login)),
        ("/v1/refresh", post(refresh::refresh)),
        ("/v1/logout", post(logout::logout)),
    ];
    let judged_with_cookie = [
        ("/v1/me", get(me::me)),
        ("/v1/token", post(token::token)),
        ("/v1/sessions", get(sessions::list).delete(sessions::end_all)),
        ("/v1/sessions/{id}", axum::routing::delete(sessions::end_one)),
        ("/v1/session/data", get(session_data::show).merge(patch(session_data::merge))),
        ("/v1/password", post(password::change)),
        ("/.well-known/jwks.json", get(well_known::jwks)),
        ("/.well-known/oauth-authorization-server", get(well_known::metadata)),
        ("/openapi.json", get(openapi::document)),
        ("/healthz", get(operations::healthz)),
        ("/readyz", get(operations::readyz)),
    ];
    let always = judged_always.map(|(path, route)| (path, wrapped(route, always.clone(), app)));
    let with_cookie =
        judged_with_cookie.map(|(path, route)| (path, wrapped(route, with_cookie.clone(), app)));
    always.into_iter().chain(with_cookie).collect()
}

/// From the outside in: the id and the headers, the time limit, the last net, the judgement of cross-site
/// writes, the handler.
fn wrapped(route: MethodRouter<App>, csrf: CsrfLayer, app: &App) -> MethodRouter<App> {
    route
        .fallback(no_such_method)
        .layer::<_, Infallible>(csrf)
        .layer(CatchPanicLayer::custom(headers::caught))
        .layer(from_fn_with_state(app.settings().limits.request, in_time))
        .layer(from_fn_with_state(app.clone(), headers::finish))
}

async fn no_such_method() -> AppError {
    AppError::Method
}

async fn not_found() -> AppError {
    AppError::NotFound
}
