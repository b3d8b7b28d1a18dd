//! A temporary installation and a running test server, for tests of the whole application.

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

/// A temporary directory that holds one installation. Dropping it deletes the directory.
#[derive(Debug)]
pub(crate) struct Fixture(TempDir);

impl Fixture {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path outside the data directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// A path in the data directory.
    pub(crate) fn data_path(&self, name: &str) -> PathBuf {
        self.data_dir().join(name)
    }

    /// Settings that keep every file in the data directory and hash passwords at minimal cost.
    pub(crate) fn settings(&self) -> Settings {
        let store = format!("sqlite:{}", self.data_path("auth.db").display()).parse().unwrap();
        let defaults = Settings::new("http://localhost:3000".parse().unwrap(), store);
        let argon2 = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
        defaults.with(|settings| {
            settings.data_dir = Some(self.data_dir());
            settings.argon2 = argon2;
        })
    }

    pub(crate) async fn open_app(&self) -> App {
        App::open(self.settings()).await.unwrap()
    }
}

/// Every file below `dir` with its contents, to compare before and after.
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

/// A server on a free port of the loopback interface.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl TestServer {
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::serve(App::open(settings).await.unwrap()).await
    }

    pub(crate) async fn serve(app: App) -> Self {
        Self::serve_on(TcpListener::bind("127.0.0.1:0").unwrap(), app).await
    }

    /// Serves `app` on an open listener, so that the app's issuer can contain the listener's address.
    pub(crate) async fn serve_on(listener: TcpListener, app: App) -> Self {
        Self::start_on(listener, app, "").await
    }

    /// Serves an app whose base path is `base_path`.
    pub(crate) async fn serve_below(app: App, base_path: &str) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), app, base_path).await
    }

    async fn start_on(listener: TcpListener, app: App, base_path: &str) -> Self {
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(app.serve(listener, async {
            let _ = stopped.await;
        }));
        // Once it answers, the admin socket is open too.
        assert_eq!(send(address, &format!("GET {base_path}/healthz"), &[], "").await.status, 200);
        Self { address, stop, task }
    }

    /// Starts the shutdown without waiting for its end.
    pub(crate) fn begin_shutdown(self) -> JoinHandle<io::Result<()>> {
        self.stop.send(()).unwrap();
        self.task
    }

    pub(crate) async fn shut_down(self) {
        self.begin_shutdown().await.unwrap().unwrap();
    }
}
