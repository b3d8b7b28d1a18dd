//! The administrator who receives a stream, and until when.

use std::future::pending;

use counterfoil_verify::{CredentialEnd, Ended};

use crate::app::App;
use crate::app::live::StreamOwner;

/// Who receives a stream.
#[derive(Debug)]
pub(crate) struct Viewer {
    /// For whom the stream counts.
    pub(crate) owner: StreamOwner,
    /// Resolves when the credential ends. `None` for an admin key, which is looked up before each event.
    pub(crate) ended: Option<Ended>,
}

/// What ends a stream before everything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The server shuts down.
    Shutdown,
    /// The credential is no longer accepted.
    CredentialEnd(CredentialEnd),
}

/// Runs `sending` until it is over, `ended` resolves or the server shuts down: also while something is read, or while the client
/// does not read.
///
/// # Errors
///
/// What has interrupted it.
pub(crate) async fn send_until_end<T>(
    app: &App,
    ended: Option<Ended>,
    sending: impl Future<Output = T>,
) -> Result<T, Interruption> {
    let credential_end = async {
        match ended {
            Some(ended) => ended.await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        () = app.parts.live.closed() => Err(Interruption::Shutdown),
        end = credential_end => Err(Interruption::CredentialEnd(end)),
        sent = sending => Ok(sent),
    }
}
