//! The progress of a run.

use std::ops::ControlFlow;

use crate::error::LabError;

/// Gets the progress of a run, and may end it.
pub trait Progress {
    /// `done` of `of` steps of the part `label` are done. [`ControlFlow::Break`] ends the run.
    fn report(&self, label: &str, done: usize, of: usize) -> ControlFlow<()>;
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
