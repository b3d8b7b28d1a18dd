//! A TCP proxy on loopback whose connections can be cut.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::error::LabError;

/// Forwards connections to one address until it is cut.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_cut: AtomicBool,
    is_stopped: AtomicBool,
    /// Both sides of each connection.
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens on a free port of loopback.
    pub(crate) fn start(target: SocketAddr) -> Result<Self, LabError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LabError::io("listen on loopback"))?;
        let address = listener.local_addr().map_err(LabError::io("listen on loopback"))?;
        let state = Arc::<State>::default();
        let accepting = Arc::clone(&state);
        let accept = move || {
            for stream in listener.incoming() {
                if accepting.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A connection that cannot be forwarded is closed, which its client sees.
                let _ = stream.and_then(|stream| accepting.forward(&stream, target));
            }
        };
        thread::Builder::new()
            .name("lab-proxy".to_owned())
            .spawn(accept)
            .map_err(LabError::start("a proxy"))?;
        Ok(Self { address, state })
    }

    /// Closes all connections, and each new one at once.
    pub(crate) fn cut(&self) {
        self.state.is_cut.store(true, Ordering::SeqCst);
        self.state.close_all();
    }

    /// Forwards new connections again.
    pub(crate) fn heal(&self) {
        self.state.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_stopped.store(true, Ordering::SeqCst);
        self.state.close_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn forward(&self, client: &TcpStream, target: SocketAddr) -> io::Result<()> {
        let server = TcpStream::connect(target)?;
        {
            let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
            // Read under the lock: a cut closes every connection that is in the list.
            if self.is_cut.load(Ordering::SeqCst) {
                return Ok(());
            }
            streams.extend([client.try_clone()?, server.try_clone()?]);
        }
        for (from, to) in [(client, &server), (&server, client)] {
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::Builder::new().name("lab-proxy".to_owned()).spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            })?;
        }
        Ok(())
    }

    fn close_all(&self) {
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
