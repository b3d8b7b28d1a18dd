//! Serves `GET /metrics` on a separate listener, which serves nothing else.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::http::response_headers::panic_response;
use crate::limits::connections::ConnectionLimiter;
use crate::metrics::format::Format;
use crate::runtime::task::{RESTART_DELAY, supervise};
use crate::server::SHUTDOWN_TIMEOUT;
use crate::server::accept::Acceptor;
use crate::server::connection::ConnectionHandler;
use crate::server::shutdown::shutdown_signal;
use crate::settings::Settings;
use crate::settings::limits::Limits;

/// Connections at the same time: some scrapers and a person with a browser.
const MAX_CONNECTIONS: usize = 16;

/// Serves `GET /metrics` on `listener`, without authentication, until the future is dropped. A scraper whose `Accept`
/// prefers `text/plain` gets the Prometheus text format 0.0.4, every other one OpenMetrics 1.0.0.
///
/// Everyone who can connect can read the metrics, so use a loopback address or a monitoring network, never the public
/// listener.
///
/// # Errors
///
/// Returns an error if the listener cannot be used.
///
/// ```no_run
/// use counterfoil::{App, Settings};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::open(Settings::new("http://localhost:3000".parse()?, "sqlite:auth.db".parse()?)).await?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:9464")?;
/// tokio::spawn(counterfoil::serve_metrics(app.clone(), listener));
/// # Ok(())
/// # }
/// ```
pub async fn serve(app: App, listener: TcpListener) -> io::Result<()> {
    let settings = app.settings();
    let limits = Limits {
        max_connections: MAX_CONNECTIONS,
        max_connections_per_ip: MAX_CONNECTIONS,
        ..settings.limits
    };
    let limiter = ConnectionLimiter::for_settings(&Settings { limits, ..settings.clone() });
    let router = Router::new().route("/metrics", get(metrics)).with_state(app);
    let router = router.layer(CatchPanicLayer::custom(panic_response));
    let listen = async || {
        let handler = ConnectionHandler::new(router.clone(), None, limits);
        let acceptor = Acceptor::new([listener.try_clone()?], limiter.clone(), handler, Arc::default())?;
        // Serving ends when the future is dropped; no shutdown is signalled.
        let (_trigger, shutdown) = shutdown_signal();
        acceptor.serve(shutdown, SHUTDOWN_TIMEOUT).await;
        Ok(())
    };
    supervise("metrics", RESTART_DELAY, listen).await
}

async fn metrics(State(app): State<App>, headers: HeaderMap) -> impl IntoResponse {
    let format = Format::for_accept(&headers);
    let headers = [
        (CONTENT_TYPE, format.content_type()),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, format.write(app.metrics().await))
}
