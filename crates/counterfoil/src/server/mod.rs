//! The server: accepts connections, enforces limits and timeouts, and shuts down gracefully.

pub(crate) mod accept;
pub(crate) mod connection;
pub(crate) mod shutdown;
mod streaming_body;
mod tracked_stream;
mod write_timeout;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::time::sleep;

#[cfg(feature = "admin")]
use crate::admin::socket::AdminSocket;
use crate::app::App;
use crate::background;
use crate::keys::tls::CertificateReloader;
use crate::limits::connections::ConnectionLimiter;
use crate::routes::site::site;
use crate::runtime::task::Task;
use crate::server::accept::Acceptor;
use crate::server::connection::ConnectionHandler;
use crate::server::shutdown::{ServerPhase, ShutdownSignal, shutdown_signal};
use crate::settings::limits::Limits;

/// How long requests may take to finish after the shutdown signal.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The prefix of an IPv6 address that is one client for the limit of connections: the smallest network that a
/// provider assigns to a customer.
const IPV6_PREFIX: u8 = 64;

/// Serves the routes of an application on `listener`, with the time-outs and limits of the `counterfoil` server, until
/// `shutdown` is ready. Then it accepts no new connection and finishes requests in progress within
/// [`SHUTDOWN_TIMEOUT`].
///
/// `axum::serve` has no such limits: a slow client can keep a connection open for an unlimited time. Handlers can extract
/// `ConnectInfo<SocketAddr>`, as Counterfoil's own routes do. The application closes its
/// [`Counterfoil`](crate::Counterfoil) afterwards.
///
/// `max_connections_per_ip` does not apply to loopback. Behind a proxy on another host set it and
/// `max_pending_connections_per_ip` to `max_connections`, because all connections come from the proxy. A route that takes larger bodies has its own `DefaultBodyLimit`. A handler
/// that starts its response later than `request_timeout` is answered with 503.
///
/// # Errors
///
/// If the listener cannot be used.
///
/// ```no_run
/// use counterfoil::{Counterfoil, Limits};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = Counterfoil::open("sqlite:auth.db").await?;
/// let router = axum::Router::new().merge(auth.routes());
/// let listener = std::net::TcpListener::bind("127.0.0.1:3000")?;
/// let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
/// counterfoil::serve(router, listener, Limits::default(), shutdown).await?;
/// auth.close().await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    router: Router,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let limiter = ConnectionLimiter::new(limits, IPV6_PREFIX, Vec::new());
    let handler = ConnectionHandler::new(router, None, limits).limiting_requests();
    let acceptor = Acceptor::new([listener], limiter, handler, Arc::default())?;
    let (trigger, signal) = shutdown_signal();
    let accept_loop = Task::spawn(acceptor.serve(signal, SHUTDOWN_TIMEOUT));
    run_until_shutdown(accept_loop, shutdown, || trigger.enter(ServerPhase::Stopping)).await;
    Ok(())
}

impl App {
    /// Serves the installation on `listener` until `shutdown` is ready, as the `counterfoil` command does. Then `/readyz`
    /// answers 503, and connections are closed after their next response, for [`Settings::shutdown_delay`](crate::Settings::shutdown_delay). After that it
    /// accepts no new connection, finishes requests in progress within [`SHUTDOWN_TIMEOUT`], and closes the store.
    ///
    /// If the settings have a data directory, this also serves the admin socket in it.
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
    /// app.serve(listener, async { let _ = tokio::signal::ctrl_c().await; }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        self.serve_all(vec![listener], shutdown).await
    }

    /// As [`App::serve`], on several addresses of the issuer: `localhost` can mean `127.0.0.1` and `::1`. A socket that is
    /// bound and does not listen yet listens from the moment at which the server is ready.
    ///
    /// # Errors
    ///
    /// As [`App::serve`].
    pub async fn serve_all(
        self,
        listeners: Vec<TcpListener>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let served = serve_until_shutdown(&self, listeners, shutdown).await;
        let closed = self.close().await.map_err(io::Error::other);
        served.and(closed)
    }
}

/// Runs the accept loop. After `shutdown` it calls `stop` and waits for the loop to end.
async fn run_until_shutdown(
    mut accept_loop: Task,
    shutdown: impl Future<Output = ()> + Send,
    stop: impl FnOnce(),
) {
    tokio::select! {
        () = accept_loop.join() => {}
        () = shutdown => {
            stop();
            accept_loop.join().await;
        }
    }
}

async fn serve_until_shutdown(
    app: &App,
    listeners: Vec<TcpListener>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    #[cfg(feature = "admin")]
    let admin_socket = app.settings().data_dir.as_deref().map(AdminSocket::bind).transpose()?;
    #[cfg(feature = "admin")]
    let admin_socket = admin_socket.map(|socket| Task::spawn(socket.serve(app.clone())));
    let jobs = background::start(app.clone());

    let (trigger, signal) = shutdown_signal();
    let drained = async {
        shutdown.await;
        app.start_draining();
        trigger.enter(ServerPhase::Draining);
        tokio::select! {
            () = sleep(app.settings().shutdown_delay) => {}
            () = app.parts.skips_shutdown_delay.notified() => {}
        }
    };
    let result = match listen(app, listeners, signal) {
        Err(error) => Err(error),
        Ok(accept_loop) => {
            run_until_shutdown(Task::spawn(accept_loop), drained, || {
                app.start_shutdown();
                trigger.enter(ServerPhase::Stopping);
            })
            .await;
            Ok(())
        }
    };
    jobs.cancel().await;
    #[cfg(feature = "admin")]
    if let Some(admin_socket) = admin_socket {
        admin_socket.cancel().await;
    }
    result
}

/// Opens the certificate and the listeners, and returns the accept loop.
fn listen(
    app: &App,
    listeners: Vec<TcpListener>,
    shutdown: ShutdownSignal,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let settings = app.settings();
    let tls = settings.tls.clone().map(CertificateReloader::open).transpose().map_err(io::Error::other)?;
    let certificate = tls.as_ref().map(CertificateReloader::certificate);
    let handler = ConnectionHandler::new(site(app.clone()), certificate, settings.limits);
    let counters = Arc::clone(&app.parts.metrics.connections);
    let acceptor = Acceptor::new(listeners, ConnectionLimiter::for_settings(settings), handler, counters)?;
    Ok(async move {
        let _certificate_reload = tls.map(|tls| Task::spawn(tls.run()));
        acceptor.serve(shutdown, SHUTDOWN_TIMEOUT).await;
    })
}
