//! The HTTP API: one file for each group of routes, which read a request, call a service and write the
//! response.

mod activity;
#[cfg(feature = "admin")]
mod admin;
mod development_page;
mod feed;
mod forward_auth;
mod health;
mod host_login;
mod login;
mod logout;
mod me;
mod oauth;
mod openapi;
mod password;
mod problem_responses;
mod problems;
mod query_parameters;
mod refresh;
mod register;
mod responses;
mod session_data;
mod sessions;
pub(crate) mod site;
mod status_lists;
mod token;
mod well_known;

use std::convert::Infallible;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any_service, get, patch, post};
use tower_http::catch_panic::CatchPanicLayer;

use counterfoil_verify::CsrfLayer;

use crate::app::App;
use crate::http::error::AppError;
use crate::http::response_headers::{self, FinalLayer};

pub use openapi::openapi;

/// The path of the metadata (RFC 8414, section 3).
const METADATA: &str = "/.well-known/oauth-authorization-server";

impl App {
    /// All routes of the HTTP API, to serve or to merge into the application's router.
    pub fn routes(&self) -> Router {
        router(self.clone(), false)
    }
}

/// All routes, without a fallback: other paths belong to the application that merges them.
///
/// Paths match byte for byte. A doubled or trailing slash, another case or a percent-encoding is another
/// path. `require_host` says whether a request must name its host.
pub(crate) fn router(app: App, require_host: bool) -> Router {
    let routes = all_routes(&app, require_host).into_iter();
    let routes = routes.fold(Router::new(), |router, (path, route)| router.route(path, route));
    let base_path = app.settings().base_path.clone();
    let routes = if base_path.is_root() { routes } else { Router::new().nest(base_path.as_str(), routes) };
    // A segment of the issuer may start with `:` or `*`.
    let routes = routes.without_v07_checks();
    let root = metadata_paths(&app).into_iter().fold(routes, |router, path| {
        let final_layer =
            FinalLayer::for_template(&app, path.clone(), "GET, HEAD").require_host(require_host);
        let route = get(well_known::metadata).fallback(method_not_allowed);
        let limit = app.settings().limits.request_timeout;
        router.route(&path, with_layers(final_layer, route, Some(app.csrf_layer()), limit))
    });
    let root = host_login_routes().into_iter().fold(root, |router, (path, methods, route)| {
        let final_layer = FinalLayer::for_guarded_hosts(&app, path, methods).require_host(require_host);
        let route = route.fallback(method_not_allowed);
        // The origin that counts is that of the guarded application, which the operation finds.
        router.route(path, with_layers(final_layer, route, None, app.settings().limits.request_timeout))
    });
    root.with_state(app)
}

/// The routes that proxies forward from guarded hosts. They are not below the base path: no path of the issuer exists there.
fn host_login_routes() -> [RouteEntry; 3] {
    [
        (host_login::START, "GET, HEAD", get(host_login::start)),
        (host_login::CALLBACK, "GET, HEAD", get(host_login::callback)),
        (host_login::LOGOUT, "POST", post(host_login::log_out)),
    ]
}

/// The paths of the metadata that are not below the base path. The path of the issuer comes last (RFC 8414,
/// section 3.1).
fn metadata_paths(app: &App) -> Vec<String> {
    let settings = app.settings();
    let path = format!("{METADATA}{}", settings.issuer.path());
    let is_below_base_path = settings.base_path.is_root() && path == METADATA;
    if is_below_base_path { vec![] } else { vec![path] }
}

/// The routes that only development mode has. They are not below the base path.
fn development_routes(app: App) -> Router {
    let final_layer = FinalLayer::for_template(&app, "/".to_owned(), "GET, HEAD").require_host(true);
    let limit = app.settings().limits.request_timeout;
    let page = get(development_page::show).fallback(method_not_allowed);
    let page = with_layers(final_layer, page, Some(app.csrf_layer()), limit);
    Router::new().route("/", page).merge(added_routes(&app)).with_state(app)
}

/// The routes that were added to development mode. Their handlers may take as long as they need.
fn added_routes(app: &App) -> Router<App> {
    let Some(mode) = &app.settings().development_mode else { return Router::new() };
    let routes = mode.routes();
    if !routes.has_routes() {
        return Router::new();
    }
    let final_layer =
        FinalLayer::for_template(app, "development".to_owned(), "GET, HEAD, POST").require_host(true);
    let routes = routes
        .route_layer(app.csrf_layer().check_every_write())
        .route_layer(CatchPanicLayer::custom(response_headers::panic_response))
        .route_layer(from_fn_with_state(Arc::new(final_layer), response_headers::finish));
    routes.with_state(())
}

/// A path, its methods as in `Access-Control-Allow-Methods`, and their handlers.
type RouteEntry = (&'static str, &'static str, MethodRouter<App>);

/// The paths with their handlers, all with the same layers.
fn all_routes(app: &App, require_host: bool) -> Vec<(&'static str, MethodRouter<App>)> {
    // Checked with and without cookies: an attacker could log the user in as the attacker (login CSRF).
    let always_checked = [
        ("/v1/register", "POST", post(register::register)),
        ("/v1/login", "POST", post(login::login)),
        ("/v1/refresh", "POST", post(refresh::refresh)),
        ("/v1/logout", "POST", post(logout::logout)),
        // With a username it is a login in this respect, too.
        ("/v1/password", "POST", post(password::change)),
    ];
    let checked_with_cookie = [
        ("/v1/me", "GET, HEAD", get(me::me)),
        ("/v1/token", "POST", post(token::exchange)),
        ("/v1/sessions", "GET, HEAD, DELETE", get(sessions::list).delete(sessions::end_all)),
        (
            "/v1/sessions/{id}",
            "GET, HEAD, PATCH, DELETE",
            get(sessions::show).patch(sessions::rename).delete(sessions::end_one),
        ),
        ("/v1/activity", "GET, HEAD", get(activity::list)),
        ("/v1/session/data", "GET, HEAD, PATCH", get(session_data::show).merge(patch(session_data::merge))),
        ("/v1/host-login", "GET, HEAD", get(host_login::issue)),
        ("/v1/feed", "GET, HEAD", get(feed::poll)),
        ("/v1/feed/stream", "GET, HEAD", get(feed::stream)),
        ("/v1/status-lists", "GET, HEAD", get(status_lists::aggregation)),
        ("/v1/status-lists/{n}", "GET, HEAD", get(status_lists::list)),
        ("/.well-known/jwks.json", "GET, HEAD", get(well_known::jwks)),
        (METADATA, "GET, HEAD", get(well_known::metadata)),
        ("/openapi.json", "GET, HEAD", get(openapi::document)),
        ("/problems/{name}", "GET, HEAD", get(problems::page)),
        ("/healthz", "GET, HEAD", get(health::healthz)),
        ("/readyz", "GET, HEAD", get(health::readyz)),
    ];
    let csrf = app.csrf_layer();
    // They read no cookie.
    let unchecked = [
        (oauth::INTROSPECT, "POST", post(oauth::introspect::introspect)),
        (oauth::REVOKE, "POST", post(oauth::revoke::revoke)),
    ];
    let layered = |(path, methods, route): RouteEntry, csrf: Option<CsrfLayer>| {
        let final_layer = FinalLayer::for_route(app, path, methods)
            .require_host(require_host)
            .with_oauth_errors(path.starts_with(oauth::PREFIX));
        (path, with_layers(final_layer, route, csrf, time_limit(app, path)))
    };
    let always_checked =
        always_checked.map(|route| layered(only_its_methods(route), Some(csrf.clone().check_every_write())));
    let unchecked = unchecked.map(|route| layered(only_its_methods(route), None));
    let checked_with_cookie = checked_with_cookie.into_iter();
    #[cfg(feature = "admin")]
    let checked_with_cookie = checked_with_cookie.chain(admin::routes());
    let checked_with_cookie =
        checked_with_cookie.map(|route| layered(only_its_methods(route), Some(csrf.clone())));
    let routes = always_checked.into_iter().chain(unchecked).chain(checked_with_cookie);
    routes.chain(forward_auth_routes(app, require_host)).collect()
}

/// The routes that proxies ask: without options each has a path of its own, which is found faster. The origin that counts is that
/// of the guarded application, which the operation finds.
fn forward_auth_routes(
    app: &App,
    require_host: bool,
) -> impl Iterator<Item = (&'static str, MethodRouter<App>)> {
    let path = forward_auth::PATH;
    let layer = FinalLayer::for_route(app, path, "").require_host(require_host);
    let route = any_service(forward_auth::service(layer.with_time_limit(time_limit(app, path))));
    iter::once(path).chain(forward_auth::PATHS_WITHOUT_OPTIONS).map(move |path| (path, route.clone()))
}

/// The route, which answers every other method with 405.
fn only_its_methods((path, methods, route): RouteEntry) -> RouteEntry {
    (path, methods, route.fallback(method_not_allowed))
}

/// How long a request of this route may take. A revocation may wait for the whole fleet.
fn time_limit(app: &App, path: &str) -> Duration {
    let limit = app.settings().limits.request_timeout;
    match path {
        "/v1/revocations" | "/admin/users/{id}/{change}" => {
            limit.saturating_add(app.parts.feed.longest_wait())
        }
        _ => limit,
    }
}

/// Adds the layers, from the outside in: request id, headers, time limit and panic handler; CSRF check. A layer costs each
/// request two allocations and a copy of its state, so the first does four things.
fn with_layers(
    final_layer: FinalLayer,
    route: MethodRouter<App>,
    csrf: Option<CsrfLayer>,
    limit: Duration,
) -> MethodRouter<App> {
    let route = match csrf {
        Some(csrf) => route.layer::<_, Infallible>(csrf),
        None => route,
    };
    route.layer(from_fn_with_state(Arc::new(final_layer.with_time_limit(limit)), response_headers::finish))
}

async fn method_not_allowed() -> AppError {
    AppError::MethodNotAllowed
}

async fn not_found() -> AppError {
    AppError::NotFound
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::Response;
    use http::{Request, StatusCode, header};
    use http_body_util::BodyExt as _;
    use tempfile::TempDir;
    use tower::ServiceExt as _;

    use counterfoil_core::credentials::password::Argon2Cost;
    use counterfoil_core::model::session::Mode;
    use counterfoil_core::services::account::{Credentials, Registration};
    use counterfoil_core::store::{Change, LoginName};
    use counterfoil_jose::Secret;
    use counterfoil_verify::{AccessClaims, ClientId};

    use crate::counters::Outcome;
    use crate::routes::site::site;
    use crate::settings::Settings;

    use super::*;

    async fn app() -> (App, TempDir) {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("https://auth.example".parse().unwrap(), store);
        let argon2 = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
        (App::open(Settings { argon2, password_hashing_threads: 1, ..settings }).await.unwrap(), dir)
    }

    async fn send(app: &App, method: &str, path: &str, bearer: &str) -> Response {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "auth.example");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        site(app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// An access token of a new session, and an expired one of the same session.
    async fn valid_and_expired(app: &App) -> (String, String) {
        let (password, client_info) = (|| Secret::new("correct horse".to_owned()), Default::default());
        let now = app.now();
        let registration = Registration {
            username: "ada".into(),
            password: password(),
            email: None,
            roles: vec![],
            external_id: None,
        };
        let actor = counterfoil_core::model::audit_event::Actor::Anonymous;
        app.parts.accounts.register(registration, actor, &client_info, now).await.unwrap();
        let credentials = Credentials {
            username: "ada".into(),
            password: password(),
            client: ClientId::default(),
            mode: Mode::Jwt,
        };
        let authenticated = app.parts.accounts.authenticate(&credentials, &client_info, now).await.unwrap();
        let issued =
            app.parts.issuer.issue_access_token(authenticated, Default::default(), now).await.unwrap();
        let valid = issued.credential.token.to_string();

        let payload = valid.split('.').nth(1).unwrap();
        let payload = counterfoil_jose::base64url::decode(payload).unwrap();
        let claims = AccessClaims::from_json(&payload).unwrap();
        let claims = AccessClaims { iat: claims.iat - 7200, exp: claims.exp - 7200, ..claims };
        let expired = app.parts.keys.active_keys().signing_key().sign("at+jwt", &claims.to_json()).unwrap();
        (valid, expired)
    }

    #[tokio::test]
    async fn an_expired_token_is_rejected_but_still_logs_out() {
        let (app, _dir) = app().await;
        let (valid, expired) = valid_and_expired(&app).await;
        assert_eq!(send(&app, "GET", "/v1/me", &valid).await.status(), StatusCode::OK);
        assert_eq!(send(&app, "GET", "/v1/me", &expired).await.status(), StatusCode::UNAUTHORIZED);

        assert_eq!(send(&app, "POST", "/v1/logout", &expired).await.status(), StatusCode::NO_CONTENT);

        assert_eq!(send(&app, "GET", "/v1/me", &valid).await.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn the_issuer_accepts_its_own_token_until_exp_and_no_longer() {
        let (app, _dir) = app().await;
        let (valid, _) = valid_and_expired(&app).await;
        let payload = counterfoil_jose::base64url::decode(valid.split('.').nth(1).unwrap()).unwrap();
        let claims = AccessClaims::from_json(&payload).unwrap();
        let sign = |exp: u64| {
            let claims = AccessClaims { iat: claims.iat - 600, exp, ..claims.clone() };
            app.parts.keys.active_keys().signing_key().sign("at+jwt", &claims.to_json()).unwrap()
        };
        let now = app.now().unix_seconds();

        // A remote verifier would accept it for 60 seconds more.
        assert_eq!(send(&app, "GET", "/v1/me", &sign(now)).await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(send(&app, "GET", "/v1/me", &sign(now + 30)).await.status(), StatusCode::OK);
    }

    /// Status, headers and body of the response to a login, without the request id.
    async fn login_response(app: &App, username: &str, password: &str) -> (StatusCode, String, String) {
        let form = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
        let request = Request::post("/v1/login").header(header::HOST, "auth.example");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let mut response = site(app.clone()).oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        let id = response.headers_mut().remove("x-request-id").unwrap().to_str().unwrap().to_owned();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status,
            format!("{:?}", head.headers),
            String::from_utf8(body.to_vec()).unwrap().replace(&id, "ID"),
        )
    }

    #[tokio::test]
    async fn a_login_of_a_disabled_user_has_the_response_of_an_unknown_user() {
        let (app, _dir) = app().await;
        let (valid, _) = valid_and_expired(&app).await;
        let login = LoginName::Username("ada".into());
        let user = app.parts.store.user_by_login(&login).await.unwrap().unwrap();
        assert_eq!(login_response(&app, "ada", "correct horse").await.0, StatusCode::OK);

        let disabled = [Change::replace_user(user.disabled(app.now()))];
        assert!(app.parts.store.commit(&disabled.into()).await.unwrap().applied().is_some());

        let response = login_response(&app, "ada", "correct horse").await;
        assert_eq!(response.0, StatusCode::UNAUTHORIZED);
        assert_eq!(response, login_response(&app, "unknown", "wrong horse").await);
        assert_eq!(send(&app, "POST", "/v1/token", &valid).await.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_login_is_rejected_before_its_body_is_read_if_the_hash_queue_is_full() {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("https://auth.example".parse().unwrap(), store);
        let app = App::open(Settings { password_hashing_queue_size: 0, ..settings }).await.unwrap();

        let request = Request::post("/v1/login").header(header::HOST, "auth.example");
        let request = request.body(Body::from("no JSON at all")).unwrap();
        let response = site(app.clone()).oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(app.parts.metrics.logins.total(Outcome::Unavailable), 1);
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_without_the_panic_message() {
        async fn broken() -> StatusCode {
            panic!("hunter2")
        }
        let (app, _dir) = app().await;
        let route = with_layers(
            FinalLayer::for_route(&app, "/broken", "GET, HEAD"),
            get(broken),
            Some(app.csrf_layer()),
            app.settings().limits.request_timeout,
        );
        let router = Router::new().route("/broken", route).with_state(app);

        let request = Request::get("/broken").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(&id) && !body.contains("hunter2"), "{body}");
    }

    #[tokio::test]
    async fn the_application_keeps_its_routes_and_its_fallback() {
        let (app, _dir) = app().await;
        let application =
            Router::new().route("/shop", get(|| async { "shop" })).fallback(|| async { "fallback" });
        let application = application.merge(router(app, false));
        for (path, expected) in [("/shop", "shop"), ("/elsewhere", "fallback"), ("/v1/login/", "fallback")] {
            let response =
                application.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
            assert!(!response.headers().contains_key("x-request-id"), "{path}");
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), expected);
        }
    }
}
