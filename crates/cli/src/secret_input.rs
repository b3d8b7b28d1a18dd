//! How a password comes in: prompted, from a file or from the environment; never from an argument, which
//! every process of the machine can read.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;
use counterfoil_jose::Secret;

use crate::error::CliError;

/// The variable that may hold a password.
const VARIABLE: &str = "COUNTERFOIL_PASSWORD";

/// Where a new password is read from.
#[derive(Args)]
pub(crate) struct NewPassword {
    /// Reads the password from this file; one newline at its end is cut. Without it the password is taken
    /// from COUNTERFOIL_PASSWORD, or asked for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl NewPassword {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is empty, or was typed differently the second time.
    pub(crate) fn read(&self) -> Result<Secret<String>, CliError> {
        let text = match (&self.password_file, std::env::var(VARIABLE)) {
            (Some(file), _) => from_file(file)?,
            (None, Ok(text)) => text,
            (None, Err(_)) => ask_twice()?,
        };
        if text.is_empty() {
            return Err(CliError::usage("the password is empty"));
        }
        Ok(Secret::new(text))
    }
}

fn from_file(file: &Path) -> Result<String, CliError> {
    let text = fs::read_to_string(file).map_err(|error| {
        CliError::with_cause(&format!("the password file {} cannot be read", file.display()), &error)
    })?;
    Ok(without_newline(text))
}

/// Cuts one newline from the end, as an editor leaves it; a second one is part of the password.
pub(crate) fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

fn ask_twice() -> Result<String, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage("there is no terminal to ask for the password")
            .with_hint(format!("give --password-file FILE or {VARIABLE}")));
    }
    let ask = |prompt| {
        rpassword::prompt_password(prompt)
            .map_err(|error| CliError::with_cause("the password cannot be asked for", &error))
    };
    let first = ask("Password: ")?;
    if ask("Once more: ")? != first {
        return Err(CliError::failure("the two passwords differ"));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_is_cut() {
        for (text, password) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", "")] {
            assert_eq!(without_newline(text.to_owned()), password);
        }
    }
}
