//! The error of a command, printed as `error:` (what is wrong) and `hint:` (what to do).

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use counterfoil::operator::path_hint;

use crate::escape::escape_controls;
use crate::standard_input::display_name;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    status: u8,
    /// Further errors, printed after this one.
    others: Vec<CliError>,
}

impl CliError {
    /// The command line or the configuration is invalid; exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 2, others: Vec::new() }
    }

    /// The command failed; exit status 1.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 1, others: Vec::new() }
    }

    /// What the command examines cannot be reached; exit status 2.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, status: 2, others: Vec::new() }
    }

    /// The command failed because of `error`, whose causes are on the same line.
    pub(crate) fn with_cause(message: &str, error: &(dyn Error + 'static)) -> Self {
        Self::failure(format!("{message}: {}", error_chain(error)))
    }

    /// The system refused an `operation` on `path`. The hint names the part of the path that is wrong.
    pub(crate) fn from_path(operation: &str, path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot {operation} {}", display_name(path));
        Self::with_cause(&message, error).with_optional_hint(path_hint(path, error))
    }

    /// The command failed with an error whose message is clear by itself.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Self {
        Self::failure(error_chain(error))
    }

    /// Combines several errors, of which there is at least one. The exit status is the greatest, so usage wins over
    /// failure.
    pub(crate) fn from_all(errors: impl IntoIterator<Item = Self>) -> Self {
        let mut errors = errors.into_iter();
        let mut first = errors.next().unwrap_or_else(|| Self::failure("the cause is unknown"));
        first.others = errors.collect();
        first.status = first.others.iter().map(|other| other.status).fold(first.status, u8::max);
        first
    }

    /// The message and the hint.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.hint)
    }

    /// Adds what to do about it.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, if that is known.
    pub(crate) fn with_optional_hint(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Prints everything to standard error, and returns the exit status. Control characters are escaped: a message may
    /// contain the input of clients.
    pub(crate) fn print(self) -> ExitCode {
        for error in std::iter::once(&self).chain(&self.others) {
            eprintln!("error: {}", escape_controls(&error.message));
            if let Some(hint) = &error.hint {
                eprintln!("hint: {}", escape_controls(hint));
            }
        }
        ExitCode::from(self.status)
    }
}

/// The error and its causes; a cause that the message above already ends with is left out.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {message}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_on_the_same_line() {
        let error = io::Error::other("disk failure");

        assert_eq!(CliError::with_cause("no backup", &error).message, "no backup: disk failure");
    }
}
