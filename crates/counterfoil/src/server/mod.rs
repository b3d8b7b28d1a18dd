//! The server: accepts connections, enforces limits and timeouts, and shuts down gracefully.

pub(crate) mod accept;
mod activity;
pub(crate) mod admission;
pub(crate) mod connection;
mod write_timeout;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::admin::socket::AdminSocket;
use crate::app::App;
use crate::background;
use crate::keys::tls::CertificateReloader;
use crate::limits::connections::ConnectionLimiter;
use crate::routes;
use crate::runtime::task::Task;
use crate::server::accept::Acceptor;
use crate::server::connection::{ConnectionHandler, ShutdownSignal};

/// How long requests may take to finish after the shutdown signal.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `app` on `listener` until `shutdown` is ready. Then it accepts no new connection, finishes requests
/// in progress within [`SHUTDOWN_TIMEOUT`], and closes the app.
///
/// If the app has a data directory, this also serves the admin socket in it.
///
/// # Errors
///
/// If the admin socket or the listener cannot be used, or the store cannot be closed properly.
///
/// ```no_run
/// use counterfoil::{App, Settings};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = "sqlite:auth.db".parse()?;
/// let app = App::open(Settings::new("http://localhost:3000".parse()?, store)).await?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:3000")?;
/// counterfoil::serve(app, listener, async { let _ = tokio::signal::ctrl_c().await; }).await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    app: App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let served = serve_until_shutdown(&app, listener, shutdown).await;
    let closed = app.close().await.map_err(io::Error::other);
    served.and(closed)
}

async fn serve_until_shutdown(
    app: &App,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let admin_socket = app.settings().data_dir.as_deref().map(AdminSocket::bind).transpose()?;
    let admin_socket = admin_socket.map(|socket| Task::spawn(socket.serve(app.clone())));
    let jobs = background::start(app.clone());

    let (trigger, signal) = watch::channel(false);
    let result = match listen(app, listener, signal) {
        Err(error) => Err(error),
        Ok(accept_loop) => {
            // On a runtime worker, like the connections: elsewhere admission control would not see how many
            // are pending.
            let mut accept_loop = Task::spawn(accept_loop);
            tokio::select! {
                () = accept_loop.join() => {}
                () = shutdown => {
                    app.start_shutdown();
                    trigger.send_replace(true);
                    accept_loop.join().await;
                }
            }
            Ok(())
        }
    };
    jobs.cancel().await;
    if let Some(admin_socket) = admin_socket {
        admin_socket.cancel().await;
    }
    result
}

/// Opens the certificate and the listener, and returns the accept loop.
fn listen(
    app: &App,
    listener: TcpListener,
    shutdown: ShutdownSignal,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let settings = app.settings();
    let tls = settings.tls.clone().map(CertificateReloader::open).transpose().map_err(io::Error::other)?;
    let certificate = tls.as_ref().map(CertificateReloader::certificate);
    let handler = ConnectionHandler::new(routes::site(app.clone()), certificate, settings.limits);
    let counters = Arc::clone(&app.metrics.connections);
    let acceptor = Acceptor::new(listener, ConnectionLimiter::new(settings), handler, counters)?;
    Ok(async move {
        let _certificate_reload = tls.map(|tls| Task::spawn(tls.run()));
        acceptor.serve(shutdown, SHUTDOWN_TIMEOUT).await;
    })
}
