//! Reads a password from a prompt, a file or the environment; never from an argument, which every process on the
//! machine can read.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;
use counterfoil_jose::Secret;

use crate::configuration::flags::PasswordPolicyOptions;
use crate::error::CliError;
use crate::input_file::read_text;

/// The environment variable that may contain the password.
const VARIABLE: &str = "COUNTERFOIL_PASSWORD";

/// The most bytes of a password file. Passwords are shorter.
const MAX_LENGTH: u64 = 16 * 1024;

/// Where to read a new password from.
#[derive(Args)]
pub(crate) struct NewPassword {
    /// Read the password from this file, or from standard input with `-`; one newline at its end is removed. Without this
    /// option the password is taken from COUNTERFOIL_PASSWORD, or prompted for.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    _settings: PasswordPolicyOptions,
}

impl NewPassword {
    /// Reads the password.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is empty, or the second prompt was answered differently.
    pub(crate) fn read(&self) -> Result<Secret<String>, CliError> {
        let text = match (&self.password_file, std::env::var(VARIABLE)) {
            (Some(file), _) => from_file(file)?,
            (None, Ok(text)) => text,
            (None, Err(_)) => prompt_twice()?,
        };
        if text.is_empty() {
            return Err(CliError::usage("the password must not be empty"));
        }
        Ok(Secret::new(text))
    }
}

fn from_file(file: &Path) -> Result<String, CliError> {
    let text = read_text(file, MAX_LENGTH)?;
    Ok(strip_newline(text.expose().clone()))
}

/// Removes one newline from the end, as editors add it; a second one is part of the password.
pub(crate) fn strip_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

fn prompt_twice() -> Result<String, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage("there is no terminal to prompt for the password")
            .with_hint(format!("use --password-file FILE or set {VARIABLE}")));
    }
    let prompt = |text| {
        rpassword::prompt_password(text)
            .map_err(|error| CliError::with_cause("cannot prompt for the password", &error))
    };
    let first = prompt("Password: ")?;
    if prompt("Repeat the password: ")? != first {
        return Err(CliError::failure("the two passwords differ"));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_is_removed() {
        for (text, password) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", "")] {
            assert_eq!(strip_newline(text.to_owned()), password);
        }
    }
}
