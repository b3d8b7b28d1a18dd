//! A running test server. Only one runs at a time, because memory and descriptors are measured for the whole process.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use counterfoil::{App, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard, oneshot};

/// Held by the running test server, so that no other test disturbs its measurements.
static EXCLUSIVE: Mutex<()> = Mutex::const_new(());

/// Waits until no other test runs.
pub(crate) async fn exclusive() -> MutexGuard<'static, ()> {
    EXCLUSIVE.lock().await
}

/// A server on a fresh store. It stops when it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    _dir: TempDir,
    _stop: oneshot::Sender<()>,
    _exclusive: MutexGuard<'static, ()>,
}

impl TestServer {
    pub(crate) async fn with_settings(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on_listener(TcpListener::bind("127.0.0.1:0").unwrap(), change).await
    }

    pub(crate) async fn on_listener(listener: TcpListener, change: impl FnOnce(&mut Settings)) -> Self {
        let exclusive = EXCLUSIVE.lock().await;
        let dir = TempDir::new().unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display());
        let mut settings = Settings::new(
            format!("http://localhost:{}", address.port()).parse().unwrap(),
            store.parse().unwrap(),
        );
        settings.argon2 = Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 };
        settings.password_hashing_threads = 1;
        change(&mut settings);
        let app = App::open(settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(app.serve(listener, async move {
            let _ = stopped.await;
        }));
        Self { address, _dir: dir, _stop: stop, _exclusive: exclusive }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes on a new connection and returns the response, until the server closes.
    pub(crate) async fn response(&self, bytes: &[u8]) -> String {
        response(self.address, bytes).await
    }

    /// Sends a health check and returns the time until its response.
    pub(crate) async fn probe(&self) -> Duration {
        let started = Instant::now();
        let response =
            self.response(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        started.elapsed()
    }
}

/// Sends these bytes on a new connection, and reads until the end or a reset.
pub(crate) async fn response(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut all).await {}
    String::from_utf8_lossy(&all).into_owned()
}

/// The bytes of a POST request with this JSON body.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let head = "host: localhost\r\nconnection: close\r\ncontent-type: application/json";
    format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The status of a response; 0 if there was none.
pub(crate) fn status(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The resident memory of this process in bytes.
pub(crate) fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// The 99th percentile.
pub(crate) fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99 / 100).min(times.len() - 1)]
}
