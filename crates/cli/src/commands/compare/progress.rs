//! The progress of a comparison on standard error: a bar for people, or lines of JSON for programs.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use counterfoil_lab::{Progress, ProgressLine};
use indicatif::ProgressBar;

use crate::progress::steps_bar;

/// What shows the progress. It can end the run.
pub(super) struct Display {
    form: Form,
    is_ended: AtomicBool,
}

enum Form {
    Bar(ProgressBar),
    Lines,
}

impl Display {
    /// A bar that shows nothing yet.
    pub(super) fn bar() -> Self {
        Self { form: Form::Bar(steps_bar()), is_ended: AtomicBool::new(false) }
    }

    /// A line of JSON for each step.
    pub(super) fn lines() -> Self {
        Self { form: Form::Lines, is_ended: AtomicBool::new(false) }
    }

    /// Ends the run at its next step.
    pub(super) fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }

    /// Removes a bar from the terminal.
    pub(super) fn clear(&self) {
        match &self.form {
            Form::Bar(bar) => bar.finish_and_clear(),
            Form::Lines => {}
        }
    }
}

impl Progress for Display {
    fn report(&self, label: &str, done: usize, of: usize) -> ControlFlow<()> {
        match &self.form {
            Form::Bar(bar) => {
                bar.set_message(label.to_owned());
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            }
            Form::Lines => {
                // Without a reader, the run is for no reader.
                if write_line(&ProgressLine { part: label.to_owned(), done, of }).is_err() {
                    self.end();
                }
            }
        }
        match self.is_ended.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

fn write_line(line: &ProgressLine) -> io::Result<()> {
    let text = serde_json::to_string(line)?;
    // At once, because two threads report.
    io::stderr().lock().write_all(format!("{text}\n").as_bytes())
}
