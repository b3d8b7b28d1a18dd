//! Counts the connections that a proxy opens to Counterfoil.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An address whose connections are passed on. When it is dropped, it refuses them.
pub(crate) struct CountedConnections {
    pub(crate) address: SocketAddr,
    opened: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl CountedConnections {
    /// Passes connections on to this server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, opened) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&opened);
        let accepting = tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let Ok(mut to) = TcpStream::connect(server).await else { return };
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                });
            }
        });
        Self { address, opened, accepting }
    }

    /// How many were opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

impl Drop for CountedConnections {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
