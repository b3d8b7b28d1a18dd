//! A directory with an installation in it, cheap enough for many.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::{fs, io};

use counterfoil::{App, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::send;

/// Where everything of one installation is; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct House(TempDir);

impl House {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A place beside the data directory.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.outside("data")
    }

    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// Settings with everything in the data directory, and hashes that cost nearly nothing.
    pub(crate) fn settings(&self) -> Settings {
        let store = format!("sqlite:{}", self.inside("auth.db").display()).parse().unwrap();
        let plain = Settings::new("http://localhost:3000".parse().unwrap(), store);
        let argon2 = Argon2Cost { memory: 64, passes: 1, lanes: 1 };
        Settings { data_dir: Some(self.dir()), argon2, ..plain }
    }

    pub(crate) async fn open(&self) -> App {
        App::open(self.settings()).await.unwrap()
    }
}

/// Every file below `dir` with what is in it: to see that nothing was touched.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        }
        found.insert(path.clone(), fs::read(&path).unwrap_or_default());
    }
    found
}

/// A server on a free port of loopback.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) at: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Running {
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::of(App::open(settings).await.unwrap()).await
    }

    pub(crate) async fn of(app: App) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), app).await
    }

    /// Serves `app` where somebody listens already: its issuer may name that address.
    pub(crate) async fn on(listener: TcpListener, app: App) -> Self {
        let at = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(counterfoil::serve(app, listener, async {
            let _ = stopped.await;
        }));
        // Once it answers, everything else is open too.
        assert_eq!(send(at, "GET /healthz", &[], "").await.status, 200);
        Self { at, stop, served }
    }

    /// Asks it to end, and does not wait.
    pub(crate) fn ask_to_end(self) -> JoinHandle<io::Result<()>> {
        self.stop.send(()).unwrap();
        self.served
    }

    pub(crate) async fn end(self) {
        self.ask_to_end().await.unwrap().unwrap();
    }
}
