//! What went wrong, for a person: `error:` says what, `hint:` what to do.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use crate::escape::escape_controls;

/// Why the command did not succeed.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    status: u8,
    /// What else was wrong.
    others: Vec<CliError>,
}

impl CliError {
    /// The command was not possible as it was typed; exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 2, others: Vec::new() }
    }

    /// The command failed; exit status 1.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 1, others: Vec::new() }
    }

    /// The command failed, and `error` is why, with all its own reasons on one line.
    pub(crate) fn with_cause(what: &str, error: &(dyn Error + 'static)) -> Self {
        Self::failure(format!("{what}: {}", chain(error)))
    }

    /// The command failed with an error that speaks for itself.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Self {
        Self::failure(chain(error))
    }

    /// All of these at once. The status is the greatest of them, so usage wins over failure.
    ///
    /// Whoever calls it has found at least one.
    pub(crate) fn from_all(faults: impl IntoIterator<Item = Self>) -> Self {
        let mut faults = faults.into_iter();
        let mut first = faults.next().unwrap_or_else(|| Self::failure("nothing is known of what is wrong"));
        first.others = faults.collect();
        first.status = first.others.iter().map(|other| other.status).fold(first.status, u8::max);
        first
    }

    /// What is wrong, and what to do about it.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.hint)
    }

    /// What to do about it.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on standard error; what others wrote into it cannot move the cursor.
    pub(crate) fn report(self) -> ExitCode {
        for fault in std::iter::once(&self).chain(&self.others) {
            eprintln!("error: {}", escape_controls(&fault.message));
            if let Some(hint) = &fault.hint {
                eprintln!("hint: {}", escape_controls(hint));
            }
        }
        ExitCode::from(self.status)
    }
}

/// The error and what lies below it; a reason that repeats its parent is said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut reason = error.source();
    while let Some(next) = reason {
        let said = next.to_string();
        if !text.ends_with(&said) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {said}");
        }
        reason = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_reasons_are_on_one_line() {
        let error = io::Error::other("disk on fire");

        assert_eq!(CliError::with_cause("no backup", &error).message, "no backup: disk on fire");
    }
}
