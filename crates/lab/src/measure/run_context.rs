//! What all measurements of a run share: the plan, the progress, directories and servers.

use std::time::Duration;

use counterfoil_load::rig::clock::LabClock;
use counterfoil_load::rig::server::{Hashing, MeasuredServer, ServerOptions};
use tempfile::TempDir;

use crate::error::LabError;
use crate::measure::plan::Plan;
use crate::progress::{Progress, Steps};
use crate::rig::mode::Mode;

/// The modes of a figure that has no value for sessions.
pub(crate) const TOKEN_MODES: [Mode; 2] = [Mode::Jwt, Mode::Hybrid];

/// What all measurements of a run share.
#[derive(Clone, Copy)]
pub(crate) struct RunContext<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) progress: &'a (dyn Progress + Sync),
    pub(crate) is_pinned: bool,
}

impl<'a> RunContext<'a> {
    /// A part of the run, whose progress is reported.
    pub(crate) fn steps(&self, label: &'static str) -> Steps<'a> {
        Steps::new(self.progress, label)
    }

    /// A directory for a store.
    pub(crate) fn directory(&self) -> Result<TempDir, LabError> {
        let dir = tempfile::Builder::new().prefix("counterfoil-lab-").tempdir();
        dir.map_err(LabError::io("create a temporary directory"))
    }

    /// Starts a server in `dir`.
    pub(crate) fn server(&self, dir: &TempDir, hashing: Hashing) -> Result<MeasuredServer, LabError> {
        let dir = dir.path().to_owned();
        let started = MeasuredServer::start(ServerOptions {
            dir,
            hashing,
            is_pinned: self.is_pinned,
            reuse_grace: Duration::ZERO,
            clock: LabClock::default(),
            // The tokens of two modes, with room: an installation has tokens of one mode, and needs half.
            token_cache_size: self.plan.credentials.saturating_mul(4),
        });
        Ok(started?)
    }
}
