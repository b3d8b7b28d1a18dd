//! Writes lines and JSON to standard output.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::error::CliError;
use crate::escape::must_escape;

/// Prints `text` and a newline. A reader that closes the pipe (`| head`) is not an error.
pub(crate) fn print_line(text: &str) -> Result<(), CliError> {
    match write_line(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::with_cause("cannot write to standard output", &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes `text` and a newline at once.
pub(crate) fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

/// Prints `value` as JSON. It may contain text of clients: JSON escapes control characters, this function the others
/// that could control a terminal.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::from_error(&error))?;
    print_line(&escape_json(&text))
}

/// `value` as JSON in one line, escaped as by [`print_json`].
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string(value).map_err(|error| CliError::from_error(&error))?;
    Ok(escape_json(&text))
}

fn escape_json(text: &str) -> String {
    let escape = |character| match character {
        '\n' => "\n".to_owned(),
        other if must_escape(other) => format!("\\u{:04x}", u32::from(other)),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}
