//! A proxy before the socket of PostgreSQL that cuts a connection at its `COMMIT`, or delays and counts what clients send.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use counterfoil_test_support::PostgresServer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

/// The name of the socket of a server with the usual port.
const SOCKET: &str = ".s.PGSQL.5432";

/// Where the next `COMMIT` is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    /// It is not.
    Nowhere = 0,
    /// The server executes it, and the answer is lost.
    Answer = 1,
    /// It never reaches the server.
    Request = 2,
    /// It reaches the server when the client has gone away and connected again.
    Late = 3,
}

pub(crate) struct CuttingProxy {
    directory: TempDir,
    next: Arc<AtomicU8>,
    delays: Arc<Delays>,
}

/// How long everything that a client sends at once is delayed, and how often that was the case.
#[derive(Debug, Default)]
struct Delays {
    milliseconds: AtomicU64,
    count: AtomicU64,
}

impl CuttingProxy {
    pub(crate) fn start(server: &PostgresServer) -> Self {
        let directory = TempDir::new().unwrap();
        let listener = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
        let (next, delays) = (Arc::new(AtomicU8::new(0)), Arc::new(Delays::default()));
        let (target, cut, of_each) =
            (server.socket_dir().join(SOCKET), Arc::clone(&next), Arc::clone(&delays));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target.clone(), Arc::clone(&cut), Arc::clone(&of_each)));
            }
        });
        Self { directory, next, delays }
    }

    /// Whether new connections are accepted.
    pub(crate) fn accept(&self, accepts: bool) {
        let (socket, hidden) = (self.directory.path().join(SOCKET), self.directory.path().join("hidden"));
        let (from, to) = if accepts { (hidden, socket) } else { (socket, hidden) };
        std::fs::rename(from, to).unwrap();
    }

    /// The URL of the same database through the proxy.
    pub(crate) fn url(&self, direct: &str) -> String {
        let host = self.directory.path().display().to_string().replace('/', "%2F");
        let (_, database) = direct.rsplit_once('/').unwrap();
        format!("postgres://postgres@{host}:5432/{database}")
    }

    /// Delays everything that a client sends at once. Returns how often something was delayed before.
    pub(crate) fn delay(&self, delay: Duration) -> u64 {
        self.delays.milliseconds.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
        self.delays.count.swap(0, Ordering::SeqCst)
    }

    /// Cuts the next `COMMIT`.
    pub(crate) fn cut_next(&self, cut: Cut) {
        self.next.store(cut as u8, Ordering::SeqCst);
    }
}

impl Delays {
    async fn pass(&self) {
        let milliseconds = self.milliseconds.load(Ordering::SeqCst);
        if milliseconds > 0 {
            self.count.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(milliseconds)).await;
        }
    }
}

async fn forward(mut client: UnixStream, target: impl AsRef<Path>, next: Arc<AtomicU8>, delays: Arc<Delays>) {
    let Ok(mut server) = UnixStream::connect(target).await else { return };
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            Ok(count) = client.read(&mut from_client) => {
                if count == 0 {
                    return;
                }
                let sent = &from_client[..count];
                let commits = sent.windows(7).any(|window| window == b"COMMIT\0");
                let cut = if commits { next.swap(0, Ordering::SeqCst) } else { 0 };
                if cut != Cut::Nowhere as u8 {
                    return cut_commit(cut, sent, client, server).await;
                }
                delays.pass().await;
                if server.write_all(sent).await.is_err() {
                    return;
                }
            }
            Ok(count) = server.read(&mut from_server) => {
                if count == 0 || client.write_all(&from_server[..count]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}

async fn cut_commit(cut: u8, sent: &[u8], client: UnixStream, mut server: UnixStream) {
    if cut == Cut::Request as u8 {
        return;
    }
    if cut == Cut::Late as u8 {
        drop(client);
        sleep(Duration::from_millis(150)).await;
        let _ = server.write_all(sent).await;
    } else {
        let _ = server.write_all(sent).await;
        // The server has answered the commit when it answers the last command of the pipeline.
        sleep(Duration::from_millis(50)).await;
        drop(client);
    }
    let mut answer = [0; 4096];
    while server.read(&mut answer).await.is_ok_and(|count| count > 0) {}
}
