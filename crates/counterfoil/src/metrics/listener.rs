//! The listener of the page: nothing else answers there, and the page answers nowhere else.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::http::response_headers::caught;
use crate::limits::connections::ConnectionLimiter;
use crate::runtime::task::{RESTART_DELAY, supervise};
use crate::server::SHUTDOWN_TIMEOUT;
use crate::server::accept::Acceptor;
use crate::server::connection::ConnectionHandler;
use crate::settings::{Limits, Settings};

/// How many may ask at a time: a scraper or two, and somebody who looks.
const AT_A_TIME: usize = 16;

/// What the text is.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `GET /metrics` on `listener` until it is dropped.
///
/// Whoever reaches the listener reads the page, so it is not to be the public one: loopback, or a network of
/// those who watch.
///
/// # Errors
///
/// If the listener cannot be used.
///
/// ```no_run
/// use counterfoil::{App, Settings, metrics};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::open(Settings::new("http://localhost:3000".parse()?, "sqlite:auth.db".parse()?)).await?;
/// let watched = std::net::TcpListener::bind("127.0.0.1:9464")?;
/// tokio::spawn(metrics::serve(app.clone(), watched));
/// # Ok(())
/// # }
/// ```
pub async fn serve(app: App, listener: TcpListener) -> io::Result<()> {
    let plain = app.settings();
    let limits = Limits { connections: AT_A_TIME, connections_of_source: AT_A_TIME, ..plain.limits };
    let limiter = ConnectionLimiter::new(&Settings { limits, ..plain.clone() });
    let router = Router::new().route("/metrics", get(page)).with_state(app);
    let router = router.layer(CatchPanicLayer::custom(caught));
    let listen = async || {
        let handler = ConnectionHandler::new(router.clone(), None, limits);
        let acceptor = Acceptor::new(listener.try_clone()?, limiter.clone(), handler, Arc::default())?;
        // It ends when it is dropped, and is never told to.
        let (_trigger, shutdown) = watch::channel(false);
        acceptor.serve(shutdown, SHUTDOWN_TIMEOUT).await;
        Ok(())
    };
    supervise("metrics", RESTART_DELAY, listen).await
}

async fn page(State(app): State<App>) -> impl IntoResponse {
    let headers =
        [(CONTENT_TYPE, OPEN_METRICS), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, app.metrics().await)
}
