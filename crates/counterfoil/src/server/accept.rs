//! The accept loop: takes connections of one or more listeners up to the limits, until the server shuts down.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, unconstrained, yield_now};
use tokio::time::{sleep, timeout};

use crate::counters::ConnectionCounters;
use crate::limits::admission::AdmissionControl;
use crate::limits::connections::ConnectionLimiter;
use crate::runtime::spare_descriptor::{SpareDescriptor, is_connection_error};
use crate::server::connection::ConnectionHandler;
use crate::server::shutdown::ShutdownSignal;

/// The most connections that are accepted from the queue of a listener when it is closed: without an end, clients that connect
/// all the time would delay the stop.
const MOST_QUEUED: usize = 4096;

/// How long the loop waits at most for the end of a connection, when it has no file descriptor for another.
const MAX_WAIT_FOR_DESCRIPTOR: Duration = Duration::from_millis(10);

/// How many connections are accepted in one turn of the loop. Tokio would end the turn after 128: while other tasks
/// take long turns, the system's queue would fill, and the clients beyond it connect again a second later.
const MAX_ACCEPTED_PER_TURN: usize = 1024;

/// The file descriptors that connections leave to the rest of the process: files of the store that are opened later,
/// keys, backups.
const RESERVED_DESCRIPTORS: usize = 32;

/// The number of connections that may wait in the system's queue. In a larger burst, the clients beyond it
/// connect again a second later. The system has its own limit (`net.core.somaxconn`); the default of `std` is
/// 128.
const BACKLOG: i32 = 4096;

/// Accepts the connections of one or more listeners, which share the limits.
///
/// Nothing delays the next `accept`: a connection that has to wait does so in its own task.
pub(crate) struct Acceptor {
    listeners: Vec<tokio::net::TcpListener>,
    limiter: ConnectionLimiter,
    handler: Arc<ConnectionHandler>,
    counters: Arc<ConnectionCounters>,
    admission: AdmissionControl,
    connections: JoinSet<()>,
    spare: SpareDescriptor,
    /// Whether the next connection is closed, because it has taken the last file descriptor.
    refuses_next: bool,
}

impl Acceptor {
    /// Accepts connections on `listeners` within the limits of `limiter` and of the process, and counts them in
    /// `counters`. Sockets that are only bound listen from now on. Must be called on a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If a listener cannot be used.
    pub(crate) fn new(
        listeners: impl IntoIterator<Item = TcpListener>,
        limiter: ConnectionLimiter,
        handler: ConnectionHandler,
        counters: Arc<ConnectionCounters>,
    ) -> io::Result<Self> {
        let listeners = listeners.into_iter().map(start_listening).collect::<io::Result<_>>()?;
        let mut limiter = limiter.with_counter(counters.closed.clone());
        let limit = limiter.limit_total(available_descriptors());
        counters.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        Ok(Self {
            listeners,
            limiter,
            handler: Arc::new(handler),
            counters,
            admission: AdmissionControl::new(),
            connections: JoinSet::new(),
            spare: SpareDescriptor::new(),
            refuses_next: false,
        })
    }

    /// Accepts connections until `shutdown`. Then it accepts those that clients have already opened and no more, and open
    /// connections have `shutdown_timeout` to finish their requests.
    pub(crate) async fn serve(mut self, shutdown: ShutdownSignal, shutdown_timeout: Duration) {
        let mut is_shutdown = shutdown.clone();
        let mut accepted_in_turn = 0;
        loop {
            if accepted_in_turn == MAX_ACCEPTED_PER_TURN {
                accepted_in_turn = 0;
                yield_now().await;
            }
            tokio::select! {
                biased;
                () = is_shutdown.stopping() => break,
                // Frees the task of an ended connection. The panic hook reports a panic; it ends no other
                // connection.
                Some(_) = unconstrained(self.connections.join_next()) => { self.spare.restore(); }
                accepted = unconstrained(accept(&self.listeners)) => match accepted {
                    Ok((stream, peer)) => {
                        accepted_in_turn += 1;
                        self.start(stream, peer, shutdown.clone());
                        self.spare.restore();
                    }
                    Err(error) if is_connection_error(&error) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        self.free_descriptor().await;
                    }
                },
            }
        }
        for listener in std::mem::take(&mut self.listeners) {
            self.accept_queued(listener, &shutdown);
        }
        let mut connections = self.connections;
        let all_closed = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(shutdown_timeout, all_closed).await;
    }

    /// Accepts the connections in the system's queue, and closes the listener, so that new clients are refused at once. When
    /// it is closed, the system resets the connections in its queue, and with them requests that were sent already.
    fn accept_queued(&mut self, listener: tokio::net::TcpListener, shutdown: &ShutdownSignal) {
        // Tokio may not have heard of them yet.
        let Ok(listener) = listener.into_std() else { return };
        for _ in 0..MOST_QUEUED {
            let (stream, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if is_connection_error(&error) => continue,
                Err(_) => return,
            };
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.start(stream, peer, shutdown.clone());
            }
        }
    }

    /// Serves a connection in a task of its own, or closes it if a limit is reached.
    fn start(&mut self, stream: TcpStream, peer: SocketAddr, shutdown: ShutdownSignal) {
        // Meanwhile a descriptor may have become free.
        let is_refused = std::mem::take(&mut self.refuses_next) && !self.spare.restore();
        let (Some(permit), false) = (self.limiter.acquire(peer.ip()), is_refused) else {
            self.counters.refused.inc();
            return;
        };
        let (activity, handler) = (permit.activity(), Arc::clone(&self.handler));
        let (admission, open) = (self.admission.clone(), self.counters.track());
        let served = permit.activity();
        let task = self.connections.spawn(async move {
            served.wait_for_admission(&admission).await;
            handler.serve((stream, peer), served, shutdown).await;
            drop((permit, open));
        });
        activity.set_task(task);
    }

    /// Makes it possible to accept a connection although no file descriptor is free: a connection without a request in
    /// progress is closed for it. Without one, the new one is closed, so that its client does not wait.
    async fn free_descriptor(&mut self) {
        self.refuses_next = !self.limiter.make_room();
        if self.spare.release() {
            return;
        }
        // The connection that was closed still has its descriptor, until its task ends.
        tokio::select! {
            Some(_) = self.connections.join_next() => {}
            () = sleep(MAX_WAIT_FOR_DESCRIPTOR) => {}
        }
    }
}

fn start_listening(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, BACKLOG)?;
    tokio::net::TcpListener::from_std(listener)
}

/// The next connection of any listener. There is more than one only on loopback, where none has to be protected from the
/// others' load.
async fn accept(listeners: &[tokio::net::TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let accepted = listeners.iter().map(|listener| listener.poll_accept(context));
        accepted.into_iter().find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// The number of connections for which the process has file descriptors.
fn available_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    limit.unwrap_or(usize::MAX).saturating_sub(open.saturating_add(RESERVED_DESCRIPTORS))
}
