//! A TCP proxy before an issuer that can be cut in several ways.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// How the network is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Not at all.
    None,
    /// Bytes are kept, and arrive after the cut.
    Stalled,
    /// Nothing listens any more, and every connection is closed.
    PortDropped,
    /// Requests arrive, and their responses are lost.
    ResponsesLost,
    /// Connections stay open and are dead for ever; new ones are accepted and dead too.
    HalfOpen,
}

/// Forwards connections to one server.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    server: SocketAddr,
    cut: Arc<watch::Sender<Cut>>,
    listener: AbortHandle,
    tasks: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::new(watch::Sender::new(Cut::None));
        let mut tasks = JoinSet::new();
        let task = tasks.spawn(accept(listener, server, Arc::clone(&cut)));
        Self { address, server, cut, listener: task, tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) async fn set(&mut self, cut: Cut) {
        let before = self.cut.send_replace(cut);
        if cut == Cut::PortDropped {
            self.listener.abort();
        } else if before == Cut::PortDropped {
            let listener = TcpListener::bind(self.address).await.unwrap();
            self.listener = self.tasks.spawn(accept(listener, self.server, Arc::clone(&self.cut)));
        }
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, cut: Arc<watch::Sender<Cut>>) {
    // Dropped with this task together with every connection.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        connections.spawn(forward(client, server, cut.subscribe(), cut.subscribe()));
    }
}

async fn forward(
    client: TcpStream,
    server: SocketAddr,
    requests: watch::Receiver<Cut>,
    responses: watch::Receiver<Cut>,
) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let is_lossy = |cut| cut == Cut::HalfOpen;
    let loses_responses = |cut| matches!(cut, Cut::HalfOpen | Cut::ResponsesLost);
    tokio::join!(
        copy(from_client, to_server, requests, is_lossy),
        copy(from_server, to_client, responses, loses_responses),
    );
}

/// Copies one direction. From a cut that loses bytes on, the direction is dead.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut cut: watch::Receiver<Cut>,
    is_lossy: impl Fn(Cut) -> bool,
) {
    let mut buffer = vec![0; 1 << 16];
    let mut is_dead = false;
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        is_dead |= is_lossy(*cut.borrow());
        if is_dead {
            // The end of the connection is lost too.
            if read == 0 {
                sleep(Duration::from_secs(60)).await;
            }
            continue;
        }
        if read == 0 || cut.wait_for(|cut| *cut != Cut::Stalled).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
