//! The progress of a comparison, as a bar on standard error.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use counterfoil_lab::Progress;
use indicatif::ProgressBar;

use crate::progress::steps_bar;

/// A bar, which can end the run.
pub(super) struct Bar {
    bar: ProgressBar,
    is_ended: AtomicBool,
}

impl Bar {
    /// A bar that shows nothing yet.
    pub(super) fn new() -> Self {
        Self { bar: steps_bar(), is_ended: AtomicBool::new(false) }
    }

    /// Ends the run at its next step.
    pub(super) fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }

    /// Removes the bar from the terminal.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn report(&self, label: &str, done: usize, of: usize) -> ControlFlow<()> {
        self.bar.set_message(label.to_owned());
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        match self.is_ended.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
