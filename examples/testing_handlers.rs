//! Tests of an application's handlers, without a login and with one. They are in `tests` below:
//!
//! ```sh
//! cargo test -p counterfoil --features server,test-util --example testing_handlers
//! ```

use std::error::Error;
use std::net::TcpListener;

use axum::Router;
use axum::routing::get;
use counterfoil::{Counterfoil, Limits, Principal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Counterfoil::open("sqlite:testing_handlers.db").await?;
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let app = handlers().layer(auth.layer()).merge(auth.routes());
    counterfoil::serve(app, listener, Limits::default(), shutdown).await?;
    Ok(auth.close().await?)
}

/// The application's routes, without the layer: a test puts a principal into the request instead.
fn handlers() -> Router {
    Router::new().route("/hello", get(async |user: Principal| format!("Hello, {}", user.subject())))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header::AUTHORIZATION;
    use axum::http::{Request, StatusCode};
    use counterfoil::Mode;
    use counterfoil::testing::{self, PrincipalBuilder, authenticate_request};
    use tower::ServiceExt as _;

    use super::*;

    fn request() -> Request<Body> {
        Request::get("/hello").body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn a_handler_with_a_principal_in_the_request() {
        let mut request = request();
        authenticate_request(&mut request, PrincipalBuilder::new("ada").role("manager").build());
        assert_eq!(handlers().oneshot(request).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_handler_behind_the_layer_with_a_session_of_each_mode() {
        let dir = tempfile::tempdir().unwrap();
        let auth = Counterfoil::open(&format!("sqlite:{}/auth.db", dir.path().display())).await.unwrap();
        let app = handlers().layer(auth.layer());
        for mode in [Mode::Session, Mode::Jwt, Mode::Hybrid] {
            let session = testing::session(&auth, "ada", mode).await.unwrap();
            let token = session.session_token().or(session.access_token()).unwrap();
            let mut request = request();
            request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            assert_eq!(app.clone().oneshot(request).await.unwrap().status(), StatusCode::OK, "{mode:?}");
        }
        assert_eq!(app.oneshot(request()).await.unwrap().status(), StatusCode::UNAUTHORIZED);
        auth.close().await.unwrap();
    }
}
