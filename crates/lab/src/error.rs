//! Why a run ended without a report.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use counterfoil_load::LoadError;

/// Why a run ended without a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A server cannot be started, or no load can be sent to it.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The Express application does not run.
    #[error("the Express application needs node, and the packages express and jsonwebtoken in {}", node_modules.display())]
    NoExpress {
        /// Where the packages were looked for.
        node_modules: PathBuf,
    },
    /// The caller has cancelled the run.
    #[error("the measurement was cancelled")]
    Cancelled,
}

impl LabError {
    /// The system refused an `action`.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| LoadError::io(action)(source).into()
    }

    /// A server or service cannot be started.
    pub(crate) fn start<E: Into<Box<dyn Error + Send + Sync>>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| LoadError::start(what)(source).into()
    }

    /// What a figure waits for did not happen.
    pub(crate) const fn timeout(what: &'static str) -> Self {
        Self::Load(LoadError::Timeout(what))
    }
}
