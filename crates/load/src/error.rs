//! Why load cannot be sent or measured.

use std::error::Error;
use std::io;

/// Why load cannot be sent or measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The system refused something.
    #[error("cannot {action}")]
    Io {
        /// What was refused.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A measured server or service cannot be started.
    #[error("cannot start {what}")]
    Start {
        /// Which one.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A request got another response than the measurement expects. A rate of error responses would mean nothing.
    #[error("{request} was answered with {status}: {body}")]
    UnexpectedResponse {
        /// The request.
        request: String,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// What a figure waits for did not happen.
    #[error("{0} did not happen in time")]
    Timeout(&'static str),
}

impl LoadError {
    /// The system refused an `action`.
    pub fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// A server or service cannot be started.
    pub fn start<E: Into<Box<dyn Error + Send + Sync>>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Start { what, source: source.into() }
    }
}
