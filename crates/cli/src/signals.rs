//! Waits for SIGTERM or SIGINT to shut the server down. SIGHUP ends `dev`, whose terminal was closed, and no other server.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;
use crate::output::print_line;

/// Listeners for the signals that stop the server, and for SIGHUP, which must not.
pub(crate) struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    ends_at_hangup: bool,
}

impl ShutdownSignals {
    /// Listens from now on, so that a signal that arrives while the store is opened is not lost.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let listen =
            |kind| signal(kind).map_err(|error| CliError::with_cause("cannot listen for signals", &error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
            ends_at_hangup: false,
        })
    }

    /// SIGHUP stops the server too: it belongs to a terminal, which a user has closed.
    pub(crate) fn ending_at_hangup(self) -> Self {
        Self { ends_at_hangup: true, ..self }
    }

    /// Prints `banner`, then waits for SIGTERM or SIGINT. The server polls this only when all its listeners and the
    /// admin socket are open, so the banner announces that it is ready. `hurry` is called at a second signal.
    pub(crate) async fn print_and_wait(mut self, banner: String, hurry: impl FnOnce() + Send + 'static) {
        if let Err(error) = print_line(&banner) {
            tracing::warn!(?error, "the listen address was not printed");
        }
        self.wait().await;
        tracing::info!("shutting down");
        tokio::spawn(async move {
            self.wait().await;
            hurry();
        });
    }

    /// Waits for one signal that stops the server.
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                // By default SIGHUP would end the process at once, with requests in progress.
                _ = self.hangup.recv() => match self.ends_at_hangup {
                    true => break,
                    false => tracing::info!(
                        "SIGHUP is ignored: a new certificate is loaded automatically, other settings need a restart"
                    ),
                },
            }
        }
    }
}

/// Listens from now on for a signal that ends a command which has something to remove first: SIGINT, SIGTERM, or SIGHUP of a
/// terminal that was closed.
///
/// # Errors
///
/// If the process cannot listen for signals.
pub(crate) fn interruption() -> Result<impl Future<Output = ()>, CliError> {
    let mut signals = ShutdownSignals::listen()?.ending_at_hangup();
    Ok(async move { signals.wait().await })
}
