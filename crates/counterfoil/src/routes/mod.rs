//! Every route of the HTTP contract: handlers that read a request, ask the engine, and write an answer.

mod admin;
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
mod responses;
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
use crate::http::error::AppError;
use crate::http::response_headers::{self, Edge};
use crate::http::timeout::in_time;

pub use openapi::openapi;

/// The template of what matches none.
const UNMATCHED: &str = "unmatched";

impl App {
    /// Every route of the HTTP contract, to be served or merged into a router of the host.
    pub fn routes(&self) -> Router {
        router(self.clone())
    }
}

/// Every route, to be merged into a router of the host: what matches none of them is the host's.
///
/// Paths match byte for byte. A doubled or trailing slash, another case or an escape is another path.
pub(crate) fn router(app: App) -> Router {
    let routes = everything(&app).into_iter();
    routes.fold(Router::new(), |router, (path, route)| router.route(path, route)).with_state(app)
}

/// Every route, and a problem for whatever matches none: for a server that has nothing else.
pub(crate) fn site(app: App) -> Router {
    let lost = not_found.layer(from_fn_with_state(Edge::of(&app, UNMATCHED), response_headers::finish));
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
    let always = judged_always.map(|(path, route)| (path, wrapped(path, route, always.clone(), app)));
    let with_cookie =
        judged_with_cookie.map(|(path, route)| (path, wrapped(path, route, with_cookie.clone(), app)));
    let administration =
        admin::routes().map(|(path, route)| (path, wrapped(path, route, app.csrf_layer(), app)));
    always.into_iter().chain(with_cookie).chain(administration).collect()
}

/// From the outside in: the id and the headers, the time limit, the last net, the judgement of cross-site
/// writes, the handler.
fn wrapped(path: &'static str, route: MethodRouter<App>, csrf: CsrfLayer, app: &App) -> MethodRouter<App> {
    route
        .fallback(no_such_method)
        .layer::<_, Infallible>(csrf)
        .layer(CatchPanicLayer::custom(response_headers::caught))
        .layer(from_fn_with_state(app.settings().limits.request_timeout, in_time))
        .layer(from_fn_with_state(Edge::of(app, path), response_headers::finish))
}

async fn no_such_method() -> AppError {
    AppError::Method
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
    use crate::settings::Settings;

    use super::*;

    async fn app() -> (App, TempDir) {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("https://auth.example".parse().unwrap(), store);
        let argon2 = Argon2Cost { memory: 64, passes: 1, lanes: 1 };
        (App::open(Settings { argon2, password_hashing_threads: 1, ..settings }).await.unwrap(), dir)
    }

    async fn ask(app: &App, method: &str, path: &str, bearer: &str) -> Response {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        site(app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// A token of a new login, and the same as it will be when it has long expired.
    async fn fresh_and_expired(app: &App) -> (String, String) {
        let (password, from) = (|| Secret::new("correct horse".to_owned()), Default::default());
        let now = app.now();
        let form = Registration { username: "ada".into(), password: password(), email: None, roles: vec![] };
        let actor = counterfoil_core::model::audit_event::Actor::Anonymous;
        app.sign_in.register(form, actor, &from, now).await.unwrap();
        let shown = Credentials {
            username: "ada".into(),
            password: password(),
            client: ClientId::default(),
            mode: Mode::Jwt,
        };
        let judged = app.sign_in.with_password(&shown, &from, now).await.unwrap();
        let opened = app.issuer.issue_access(judged, Default::default(), now).await.unwrap();
        let fresh = opened.issued.token.to_string();

        let payload = fresh.split('.').nth(1).unwrap();
        let payload = counterfoil_jose::base64url::decode(payload).unwrap();
        let claims = AccessClaims::from_json(&payload).unwrap();
        let claims = AccessClaims { iat: claims.iat - 7200, exp: claims.exp - 7200, ..claims };
        let expired = app.keys.ring().signing().sign("at+jwt", &claims.to_json()).unwrap();
        (fresh, expired)
    }

    #[tokio::test]
    async fn an_expired_token_opens_nothing_and_still_logs_out() {
        let (app, _dir) = app().await;
        let (fresh, expired) = fresh_and_expired(&app).await;
        assert_eq!(ask(&app, "GET", "/v1/me", &fresh).await.status(), StatusCode::OK);
        assert_eq!(ask(&app, "GET", "/v1/me", &expired).await.status(), StatusCode::UNAUTHORIZED);

        assert_eq!(ask(&app, "POST", "/v1/logout", &expired).await.status(), StatusCode::NO_CONTENT);

        assert_eq!(ask(&app, "GET", "/v1/me", &fresh).await.status(), StatusCode::UNAUTHORIZED);
    }

    /// Status, headers and body of an answer to a login, without what names the request.
    async fn login_answer(app: &App, username: &str, password: &str) -> (StatusCode, String, String) {
        let form = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
        let request = Request::post("/v1/login").header(header::CONTENT_TYPE, "application/json");
        let mut answer = site(app.clone()).oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        let id = answer.headers_mut().remove("x-request-id").unwrap().to_str().unwrap().to_owned();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            head.status,
            format!("{:?}", head.headers),
            String::from_utf8(body.to_vec()).unwrap().replace(&id, "ID"),
        )
    }

    #[tokio::test]
    async fn the_right_password_of_a_disabled_user_is_answered_as_a_wrong_one_of_nobody() {
        let (app, _dir) = app().await;
        let (fresh, _) = fresh_and_expired(&app).await;
        let login = LoginName::Username("ada".into());
        let user = app.store.user_by_login(&login).await.unwrap().unwrap();
        assert_eq!(login_answer(&app, "ada", "correct horse").await.0, StatusCode::OK);

        let disabled = [Change::ReplaceUser(Box::new(user.disabled(app.now())))];
        assert!(app.store.commit(&disabled).await.unwrap().applied().is_some());

        let answer = login_answer(&app, "ada", "correct horse").await;
        assert_eq!(answer.0, StatusCode::UNAUTHORIZED);
        assert_eq!(answer, login_answer(&app, "nobody", "wrong horse").await);
        assert_eq!(ask(&app, "POST", "/v1/token", &fresh).await.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn where_too_many_passwords_wait_a_login_is_sent_away_before_its_body_is_looked_at() {
        let dir = TempDir::new().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display()).parse().unwrap();
        let settings = Settings::new("https://auth.example".parse().unwrap(), store);
        let app = App::open(Settings { password_hashing_queue_size: 0, ..settings }).await.unwrap();

        let request = Request::post("/v1/login").body(Body::from("no JSON at all")).unwrap();
        let answer = site(app.clone()).oneshot(request).await.unwrap();

        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(app.tally.logins.of(Outcome::Unavailable), 1);
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_a_problem_that_says_nothing_of_it() {
        async fn broken() -> StatusCode {
            panic!("hunter2")
        }
        let (app, _dir) = app().await;
        let route = wrapped("/broken", get(broken), app.csrf_layer(), &app);
        let router = Router::new().route("/broken", route).with_state(app);

        let request = Request::get("/broken").body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();

        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(&id) && !body.contains("hunter2"), "{body}");
    }

    #[tokio::test]
    async fn a_host_keeps_what_matches_none_of_our_routes() {
        let (app, _dir) = app().await;
        let host = Router::new().route("/shop", get(|| async { "shop" })).fallback(|| async { "host" });
        let host = host.merge(router(app));
        for (path, expected) in [("/shop", "shop"), ("/elsewhere", "host"), ("/v1/login/", "host")] {
            let answer = host.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
            assert!(!answer.headers().contains_key("x-request-id"), "{path}");
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), expected);
        }
    }
}
