//! Taking connections: as many as there are places for, until the server ends.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::counters::ConnectionCounters;
use crate::limits::connections::Places;
use crate::server::admission::Newcomers;
use crate::server::connection::{Connections, Ending, has_begun};

/// How long the listener waits where the system has no more to give: descriptors come back when others leave.
const PAUSE: Duration = Duration::from_millis(50);

/// How many connections may wait in the system until we take them: of a crowd that comes at once, those beyond it
/// try again a second later. The system has its own bound (`net.core.somaxconn`); std asks for 128.
const WAITING: i32 = 4096;

/// A listener, and who is served at it.
pub(crate) struct Listening {
    listener: tokio::net::TcpListener,
    places: Places,
    connections: Arc<Connections>,
    tally: Arc<ConnectionCounters>,
}

impl Listening {
    /// Takes connections from `listener`, while there are `places`, and counts them in `tally`.
    ///
    /// # Errors
    ///
    /// If the listener cannot be used. To be called on a runtime.
    pub(crate) fn new(
        listener: TcpListener,
        places: Places,
        connections: Connections,
        tally: Arc<ConnectionCounters>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        rustix::net::listen(&listener, WAITING)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { listener, places, connections: Arc::new(connections), tally })
    }

    /// Takes connections until the server ends; then nobody else is taken, and those who are here have `farewell`
    /// to be answered.
    pub(crate) async fn serve(self, ending: Ending, farewell: Duration) {
        let mut end = ending.clone();
        let (mut guests, newcomers) = (JoinSet::new(), Newcomers::new());
        loop {
            tokio::select! {
                biased;
                () = has_begun(&mut end) => break,
                // Who has left is forgotten. A panic is told by whoever panics, and takes nobody along.
                Some(_) = guests.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Beyond the places it is closed at once: whoever is in is served.
                        let Some(place) = self.places.take(peer.ip()) else {
                            self.tally.refused.inc();
                            continue;
                        };
                        let place = (place, self.tally.track());
                        let (connections, ending) = (Arc::clone(&self.connections), ending.clone());
                        // The rest of a crowd waits in the system's queue.
                        let newcomer = newcomers.welcome().await;
                        guests.spawn(async move {
                            connections.serve((stream, peer), newcomer, ending).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a connection was not taken");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
        // Whoever comes now is to be refused at once, and not to wait in the system's queue.
        drop(self.listener);
        let _ = timeout(farewell, async { while guests.join_next().await.is_some() {} }).await;
    }
}
