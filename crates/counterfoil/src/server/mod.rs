//! The server: listens, keeps slow and many clients within bounds, and ends in good order.

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
use crate::limits::connections::Places;
use crate::routes;
use crate::runtime::task::Task;
use crate::server::accept::Listening;
use crate::server::connection::{Connections, Ending};

/// How long requests may take to finish when the server is told to end.
pub const FAREWELL: Duration = Duration::from_secs(10);

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
    let jobs = background::start(app.clone());

    let (farewell, ending) = watch::channel(false);
    let ended = match listen(app, listener, ending) {
        Err(error) => Err(error),
        Ok(serving) => {
            // Among those whom it lets in: elsewhere it would not notice how many of them wait.
            let mut serving = Task::start(serving);
            tokio::select! {
                () = serving.end() => {}
                () = shutdown => {
                    app.start_shutdown();
                    farewell.send_replace(true);
                    serving.end().await;
                }
            }
            Ok(())
        }
    };
    jobs.stop().await;
    if let Some(door) = door {
        door.stop().await;
    }
    ended
}

/// What serves on `listener` until `ending`, once certificate and listener are found usable.
fn listen(app: &App, listener: TcpListener, ending: Ending) -> io::Result<impl Future<Output = ()> + use<>> {
    let settings = app.settings();
    let tls = settings.tls.clone().map(CertificateReloader::open).transpose().map_err(io::Error::other)?;
    let certificate = tls.as_ref().map(CertificateReloader::certificate);
    let connections = Connections::new(routes::site(app.clone()), certificate, settings.limits);
    let tally = Arc::clone(&app.tally.connections);
    let listening = Listening::new(listener, Places::new(settings), connections, tally)?;
    Ok(async move {
        let _renewal = tls.map(|tls| Task::start(tls.run()));
        listening.serve(ending, FAREWELL).await;
    })
}
