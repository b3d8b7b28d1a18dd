//! The whole site of the server: the routes, the pages at the same paths, and the answer to every other path.
//!
//! Only this file puts routes and pages together; neither imports the other.

#[cfg(feature = "pages")]
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;
#[cfg(feature = "pages")]
use axum::routing::MethodRouter;
#[cfg(feature = "pages")]
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::http::response_headers::{self, FinalLayer};
#[cfg(feature = "pages")]
use crate::http::timeout::limit_duration;
#[cfg(feature = "pages")]
use crate::pages;
#[cfg(feature = "pages")]
use crate::routes::{RouteEntry, method_not_allowed, openapi, time_limit, with_layers};
use crate::routes::{all_routes, development_routes, not_found, router};

#[cfg(feature = "pages")]
impl App {
    /// The pages for people: sign-in, registration and account, to merge into the application's router.
    pub fn pages(&self) -> Router {
        page_router(self.clone(), false)
    }
}

/// All routes, and 404 as a problem document for all other paths: for the server.
///
/// Without a base path the routes are at the root, for a proxy that removes the path of the issuer, and below that path, for
/// one that does not: every URL in the metadata works with both.
pub(crate) fn site(app: App) -> Router {
    let final_layer = FinalLayer::unmatched(&app).require_host(true);
    let final_layer = from_fn_with_state(Arc::new(final_layer), response_headers::finish);
    #[cfg(feature = "pages")]
    let not_found = not_found.layer(from_fn_with_state(app.clone(), pages::problem::show_unmatched));
    let fallback = not_found.layer(final_layer);
    let (settings, path) = (app.settings(), app.settings().issuer.path());
    let below_issuer = if settings.base_path.is_root() && !path.is_empty() {
        let routes = all_routes(&app, true).into_iter();
        let routes = routes.fold(Router::new(), |router, (path, route)| router.route(path, route));
        Router::new().without_v07_checks().nest(path, routes).with_state(app.clone())
    } else {
        Router::new()
    };
    let router = router(app.clone(), true).merge(below_issuer);
    #[cfg(feature = "pages")]
    let router = if app.settings().pages.enabled { router.merge(page_site(&app)) } else { router };
    let router = router.fallback_service(fallback.with_state(()));
    if app.settings().development_mode.is_some() { router.merge(development_routes(app)) } else { router }
}

/// The pages at every path at which [`site`] has the routes, `/`, and `/console`.
#[cfg(feature = "pages")]
fn page_site(app: &App) -> Router {
    let (settings, path) = (app.settings(), app.settings().issuer.path());
    let issuer_path = Some(path).filter(|path| settings.base_path.is_root() && !path.is_empty());
    let pages = page_router(app.clone(), true);
    let pages = match issuer_path {
        Some(path) => pages.merge(
            Router::new().without_v07_checks().nest(path, page_routes(app, true)).with_state(app.clone()),
        ),
        None => pages,
    };
    #[cfg(feature = "admin")]
    let pages = [Some(settings.base_path.to_string()), issuer_path.map(str::to_owned)]
        .into_iter()
        .flatten()
        .filter_map(|prefix| pages::console_redirect(app).map(|entry| (prefix, entry)))
        .fold(pages, |pages, (prefix, entry)| {
            let path = format!("{prefix}{}", entry.0);
            let redirect = Router::new().route(&path, with_page_layers(app, entry, true));
            pages.merge(redirect.with_state(app.clone()))
        });
    if settings.development_mode.is_some() || !settings.base_path.is_root() {
        return pages;
    }
    let root = with_page_layers(app, ("/", "GET, HEAD", pages::root_route()), true);
    pages.merge(Router::new().route("/", root).with_state(app.clone()))
}

/// The pages below the base path.
#[cfg(feature = "pages")]
fn page_router(app: App, require_host: bool) -> Router {
    let base_path = app.settings().base_path.clone();
    let routes = page_routes(&app, require_host);
    let routes = if base_path.is_root() { routes } else { Router::new().nest(base_path.as_str(), routes) };
    routes.without_v07_checks().with_state(app)
}

#[cfg(feature = "pages")]
fn page_routes(app: &App, require_host: bool) -> Router<App> {
    let (path, methods, route) = pages::asset_route();
    let final_layer = FinalLayer::for_route(app, path, methods).require_host(require_host);
    let assets = with_layers(final_layer, route, None, app.settings().limits.request_timeout);
    let pages = pages::routes(app).into_iter().chain([pages::reference::route(openapi)]);
    pages.fold(Router::new().route(path, assets), |router, page| {
        router.route(page.0, with_page_layers(app, page, require_host))
    })
}

/// Adds the layers of a page: those of every route, and inside the outermost one that which shows errors as pages. Each form
/// is checked, with and without cookies: an attacker could sign the user in as the attacker.
#[cfg(feature = "pages")]
fn with_page_layers(app: &App, (path, methods, route): RouteEntry, require_host: bool) -> MethodRouter<App> {
    let final_layer = FinalLayer::for_route(app, path, methods).require_host(require_host);
    route
        .fallback(method_not_allowed)
        .layer::<_, Infallible>(app.csrf_layer().check_every_write())
        .layer(CatchPanicLayer::custom(response_headers::panic_response))
        .layer(from_fn_with_state(time_limit(app, path), limit_duration))
        .layer(from_fn_with_state(app.clone(), pages::problem::show_errors))
        .layer(from_fn_with_state(Arc::new(final_layer), response_headers::finish))
}
