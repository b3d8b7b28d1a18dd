//! How far a shutdown has come: load balancers learn of it first, then connections are refused.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::limits::connection_activity::ConnectionActivity;

/// How long a connection that was accepted shortly before the listener closed may take to send its first request. A
/// proxy has connected and sends a request at once; a POST that meets a closed connection must not be sent again.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// How often a connection without a request is checked in that time.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// What the server does with connections. It only advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ServerPhase {
    /// It accepts connections, and keeps them open.
    Serving,
    /// It accepts connections, and closes each one after the next response.
    Draining,
    /// It accepts none, and closes those that are idle.
    Stopping,
}

/// The phase, as connections see it.
#[derive(Debug, Clone)]
pub(crate) struct ShutdownSignal(watch::Receiver<ServerPhase>);

/// Advances the phase.
#[derive(Debug)]
pub(crate) struct ShutdownTrigger(watch::Sender<ServerPhase>);

/// A server that is serving.
pub(crate) fn shutdown_signal() -> (ShutdownTrigger, ShutdownSignal) {
    let (trigger, signal) = watch::channel(ServerPhase::Serving);
    (ShutdownTrigger(trigger), ShutdownSignal(signal))
}

impl ShutdownTrigger {
    /// Enters `phase`.
    pub(crate) fn enter(&self, phase: ServerPhase) {
        self.0.send_replace(phase);
    }
}

impl ShutdownSignal {
    /// Whether connections are not to be kept open.
    pub(crate) fn closes_connections(&self) -> bool {
        *self.0.borrow() > ServerPhase::Serving
    }

    /// Waits until the server stops, or its trigger is dropped.
    pub(crate) async fn stopping(&mut self) {
        let _ = self.0.wait_for(|phase| *phase == ServerPhase::Stopping).await;
    }

    /// As [`stopping`](Self::stopping), and for a connection that has only just been accepted, at `accepted_at`, waits for its
    /// first request too.
    pub(crate) async fn stopping_after_first_request(
        &mut self,
        activity: &ConnectionActivity,
        accepted_at: Instant,
    ) {
        self.stopping().await;
        while !activity.has_received_request() && accepted_at.elapsed() < FIRST_REQUEST_GRACE {
            sleep(CHECK_INTERVAL).await;
        }
    }
}
