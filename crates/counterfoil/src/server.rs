//! The server: listens, keeps slow and many clients within bounds, and ends in good order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum_server::Handle;
use hyper_util::rt::TokioTimer;

use crate::admin_socket::AdminSocket;
use crate::app::App;
use crate::capped::{Capped, Places};
use crate::jobs;
use crate::routes;
use crate::settings::Limits;
use crate::task::Task;
use crate::tls::Tls;

/// How long requests may take to finish when the server is told to end.
pub const FAREWELL: Duration = Duration::from_secs(10);

/// How often an HTTP/2 connection is asked whether its client is still there.
const PING: Duration = Duration::from_secs(30);

/// Serves `app` on `listener` until `shutdown` is ready; then takes no new connection, finishes what is being
/// answered within [`FAREWELL`], and closes the app.
///
/// Opens the operator's socket in the data directory, if there is one.
///
/// # Errors
///
/// If the socket or the listener cannot be used, or the store was not closed in good order.
///
/// ```no_run
/// use counterfoil::{App, Settings, server};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = "sqlite:auth.db".parse()?;
/// let app = App::open(Settings::new("http://localhost:3000".parse()?, store)).await?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:3000")?;
/// server::serve(app, listener, async { let _ = tokio::signal::ctrl_c().await; }).await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    app: App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let served = serve_open(&app, listener, shutdown).await;
    let closed = app.close().await.map_err(io::Error::other);
    served.and(closed)
}

async fn serve_open(
    app: &App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let socket = app.settings().data_dir.as_deref().map(AdminSocket::bind).transpose()?;
    let door = socket.map(|socket| Task::start(socket.serve(app.clone())));
    let jobs = jobs::start(app.clone());

    let handle = Handle::new();
    let serving = listen(app, listener, handle.clone());
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = shutdown => {
            app.begin_closing();
            handle.graceful_shutdown(Some(FAREWELL));
            serving.await
        }
    };
    jobs.stop().await;
    if let Some(door) = door {
        door.stop().await;
    }
    ended
}

async fn listen(app: &App, listener: TcpListener, handle: Handle<SocketAddr>) -> io::Result<()> {
    let tls = app.settings().tls.clone().map(Tls::open).transpose().map_err(io::Error::other)?;
    let limits = app.settings().limits;
    let places = Places::new(limits);
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle)
        // Before this is over hyper has to know which protocol it is, and the first headers are there.
        .first_request_timeout(limits.header_read)
        .accept_error_handler(|peer, error| tracing::debug!(?peer, %error, "a connection was not taken"));
    bound(server.http_builder(), limits);
    let site = routes::site(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        None => server.acceptor(Capped(places)).serve(site).await,
        Some(tls) => {
            let secure = tls.acceptor().handshake_timeout(limits.header_read).acceptor(Capped(places));
            let _renewal = Task::start(tls.follow());
            server.acceptor(secure).serve(site).await
        }
    }
}

/// Sets what a connection may take. Without the timer hyper's time-outs do nothing at all.
fn bound(
    builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>,
    limits: Limits,
) {
    let headers = limits.headers.max(8 * 1024);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_read).max_buf_size(headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(limits.header_read)
        .max_concurrent_streams(100)
        .max_header_list_size(u32::try_from(headers).unwrap_or(u32::MAX));
}
