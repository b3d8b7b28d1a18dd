//! The server of the demo: in this process, on a free port of loopback, with a temporary store.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use counterfoil::{App, IssuerUrlError, Settings, StoreUrl};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::commands::demo_user::add_demo_user;
use crate::error::CliError;
use crate::listeners::bind;

/// The grace period of the demo. A step waits until it has passed.
pub(super) const REUSE_GRACE: Duration = Duration::from_secs(1);

/// A running server with the demo user.
pub(super) struct DemoServer {
    address: SocketAddr,
    base: String,
    dir: TempDir,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl DemoServer {
    /// Starts the server.
    pub(super) async fn start() -> Result<Self, CliError> {
        let dir = tempfile::Builder::new().prefix("counterfoil-demo-").tempdir();
        let dir = dir.map_err(|error| CliError::with_cause("cannot create a temporary directory", &error))?;
        let (listener, address) = bind(([127, 0, 0, 1], 0).into())?;
        let base = format!("http://{address}");
        let issuer = base.parse().map_err(|error: IssuerUrlError| CliError::from_error(&error))?;
        let settings = Settings::new(issuer, StoreUrl::Sqlite(dir.path().join("counterfoil.db")));
        let settings = settings.with(|settings| {
            settings.data_dir = Some(dir.path().to_owned());
            settings.refresh_reuse_grace = REUSE_GRACE;
        });
        let app = App::open(settings).await?;
        app.administer(add_demo_user()).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel::<()>();
        let shutdown = async move {
            // Polled when the server listens.
            let _ = ready.send(());
            let _ = stopped.await;
        };
        let serving = tokio::spawn(app.serve(listener, shutdown));
        if is_ready.await.is_err() {
            return Err(CliError::failure("the server of the demo does not start"));
        }
        Ok(Self { address, base, dir, stop, serving })
    }

    /// The address.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL, which is also the issuer.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Stops the server and removes its store.
    pub(super) async fn stop(self) -> Result<(), CliError> {
        let _ = self.stop.send(());
        let served = self.serving.await.map_err(io::Error::other).and_then(|served| served);
        let removed = self.dir.close();
        served.map_err(|error| CliError::with_cause("the server of the demo failed", &error))?;
        removed.map_err(|error| CliError::with_cause("cannot remove the temporary directory", &error))
    }
}
