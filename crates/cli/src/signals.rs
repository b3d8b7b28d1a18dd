//! When to stop, and when not.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;
use crate::table;

/// The signals that ask us to stop, being listened for; and the one that asks for nothing that is not done anyway.
pub(crate) struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl ShutdownSignals {
    /// Listens from now on: a signal that comes while the store is being opened is not lost.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind).map_err(|error| CliError::with_cause("signals cannot be listened for", &error))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT; says `hello` first. A server begins to wait when everything is open, the
    /// operator's socket too, so what is said here is said in time.
    pub(crate) async fn print_and_wait(mut self, hello: String) {
        if let Err(fault) = table::print_line(&hello) {
            tracing::warn!(?fault, "nobody was told where we listen");
        }
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                // Left alone it would end us at once, with requests under way.
                _ = self.hangup.recv() => tracing::info!(
                    "SIGHUP changes nothing: a new certificate is noticed by itself, all else is read at the next start"
                ),
            }
        }
        tracing::info!("asked to stop");
    }
}
