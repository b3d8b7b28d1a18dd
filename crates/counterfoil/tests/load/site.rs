//! One server at a time: memory and descriptors are those of the whole process.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use counterfoil::{App, Settings};
use counterfoil_core::credentials::password::Argon2Cost;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard, oneshot};

/// Whoever measures, measures alone.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A running installation; it ends when it is dropped.
pub(crate) struct Site {
    pub(crate) at: SocketAddr,
    _dir: TempDir,
    _stop: oneshot::Sender<()>,
    _alone: MutexGuard<'static, ()>,
}

impl Site {
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), change).await
    }

    pub(crate) async fn on(listener: TcpListener, change: impl FnOnce(&mut Settings)) -> Self {
        let alone = ALONE.lock().await;
        let dir = TempDir::new().unwrap();
        listener.set_nonblocking(true).unwrap();
        let at = listener.local_addr().unwrap();
        let store = format!("sqlite:{}", dir.path().join("auth.db").display());
        let mut settings =
            Settings::new(format!("http://localhost:{}", at.port()).parse().unwrap(), store.parse().unwrap());
        settings.argon2 = Argon2Cost { memory: 64, passes: 1, lanes: 1 };
        settings.password_hashing_threads = 1;
        change(&mut settings);
        let app = App::open(settings).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(counterfoil::serve(app, listener, async move {
            let _ = stopped.await;
        }));
        Self { at, _dir: dir, _stop: stop, _alone: alone }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Everything that comes back for these bytes, until the server closes.
    pub(crate) async fn answer(&self, bytes: &[u8]) -> String {
        answer(self.at, bytes).await
    }

    /// How long a healthy client waits for an answer.
    pub(crate) async fn probe(&self) -> Duration {
        let since = Instant::now();
        let answer = self.answer(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        since.elapsed()
    }
}

/// Sends, and reads until the end or a reset.
pub(crate) async fn answer(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut all).await {}
    String::from_utf8_lossy(&all).into_owned()
}

/// A POST of this JSON.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let head = "host: x\r\nconnection: close\r\ncontent-type: application/json";
    format!("POST {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The status of an answer; 0 if there was none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// How many bytes of memory this process has.
pub(crate) fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// The time that all but one in a hundred have stayed below.
pub(crate) fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99 / 100).min(times.len() - 1)]
}
