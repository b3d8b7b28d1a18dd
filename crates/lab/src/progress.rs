//! The progress of a run.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::error::LabError;

/// Gets the progress of a run, and may end it.
pub trait Progress {
    /// `done` of `of` steps of the part `label` are done. [`ControlFlow::Break`] ends the run.
    fn report(&self, label: &str, done: usize, of: usize) -> ControlFlow<()>;
}

/// The progress of a run as one line of JSON, for another process.
///
/// ```
/// use counterfoil_lab::ProgressLine;
///
/// let line: ProgressLine = serde_json::from_str(r#"{"part":"rounds","done":12,"of":35}"#)?;
/// assert_eq!((line.part.as_str(), line.done, line.of), ("rounds", 12, 35));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressLine {
    /// What is being measured.
    pub part: String,
    /// How many steps of it are done.
    pub done: usize,
    /// How many steps it has.
    pub of: usize,
}

/// Ignores the progress.
impl Progress for () {
    fn report(&self, _label: &str, _done: usize, _of: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A part of a run.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    progress: &'a (dyn Progress + Sync),
    label: &'static str,
}

impl<'a> Steps<'a> {
    pub(crate) const fn new(progress: &'a (dyn Progress + Sync), label: &'static str) -> Self {
        Self { progress, label }
    }

    /// Reports that `done` of `of` steps are done.
    pub(crate) fn advance(&self, done: usize, of: usize) -> Result<(), LabError> {
        match self.progress.report(self.label, done, of) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(LabError::Cancelled),
        }
    }
}
