//! The accept loop: takes connections up to the limits, until the server shuts down.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::counters::ConnectionCounters;
use crate::limits::connections::ConnectionLimiter;
use crate::server::admission::AdmissionControl;
use crate::server::connection::{ConnectionHandler, ShutdownSignal, wait_for_shutdown};

/// How long the loop waits after a failed accept, which usually means that no file descriptor is free.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The number of connections that may wait in the system's queue. In a larger burst, the clients beyond it
/// connect again a second later. The system has its own limit (`net.core.somaxconn`); the default of `std` is
/// 128.
const BACKLOG: i32 = 4096;

/// Accepts the connections of one listener.
pub(crate) struct Acceptor {
    listener: tokio::net::TcpListener,
    limiter: ConnectionLimiter,
    handler: Arc<ConnectionHandler>,
    counters: Arc<ConnectionCounters>,
}

impl Acceptor {
    /// Accepts connections on `listener` within the limits of `limiter`, and counts them in `counters`. Must
    /// be called on a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the listener cannot be used.
    pub(crate) fn new(
        listener: TcpListener,
        limiter: ConnectionLimiter,
        handler: ConnectionHandler,
        counters: Arc<ConnectionCounters>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        rustix::net::listen(&listener, BACKLOG)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { listener, limiter, handler: Arc::new(handler), counters })
    }

    /// Accepts connections until `shutdown`. Then it accepts no more, and open connections have
    /// `shutdown_timeout` to finish their requests.
    pub(crate) async fn serve(self, shutdown: ShutdownSignal, shutdown_timeout: Duration) {
        let mut is_shutdown = shutdown.clone();
        let (mut connections, admission) = (JoinSet::new(), AdmissionControl::new());
        loop {
            tokio::select! {
                biased;
                () = wait_for_shutdown(&mut is_shutdown) => break,
                // Frees the task of an ended connection. The panic hook reports a panic; it ends no other
                // connection.
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Beyond the limits a connection is closed at once, in favor of open ones.
                        let Some(permit) = self.limiter.acquire(peer.ip()) else {
                            self.counters.refused.inc();
                            continue;
                        };
                        let guards = (permit, self.counters.track());
                        let (handler, shutdown) = (Arc::clone(&self.handler), shutdown.clone());
                        // Meanwhile further connections wait in the system's queue.
                        let admission = admission.admit().await;
                        connections.spawn(async move {
                            handler.serve((stream, peer), admission, shutdown).await;
                            drop(guards);
                        });
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_RETRY_DELAY).await;
                    }
                },
            }
        }
        // New clients are refused at once instead of waiting in the system's queue.
        drop(self.listener);
        let all_closed = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(shutdown_timeout, all_closed).await;
    }
}
