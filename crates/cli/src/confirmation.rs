//! Asks before a command does what cannot be undone.

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::error::CliError;
use crate::escape::escape_controls;

/// The option that answers the question.
#[derive(Args)]
pub(crate) struct Confirmation {
    /// Do not ask for confirmation. Required where there is no terminal to ask on.
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Whether the question is answered already.
    pub(crate) fn is_given(&self) -> bool {
        self.yes
    }

    /// Prints what will happen, and asks whether to do it.
    ///
    /// # Errors
    ///
    /// If the answer is no. If there is no terminal to ask on; usage.
    pub(crate) fn ask(&self, consequences: &str, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        let consequences = consequences.lines().map(escape_controls).collect::<Vec<_>>().join("\n");
        eprintln!("{consequences}");
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(CliError::usage("there is no terminal to ask for confirmation; nothing was changed")
                .with_hint("add --yes to do it without being asked"));
        }
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.map_err(|error| CliError::with_cause("cannot ask for confirmation", &error))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::failure("nothing was changed")),
        }
    }
}

/// `1 session`, `2 sessions`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_has_its_plural() {
        assert_eq!(
            [0, 1, 2].map(|number| count(number, "session")),
            ["0 sessions", "1 session", "2 sessions"]
        );
    }
}
