//! Counts the results of an import, and prints them.

use serde_json::{Value, json};

use crate::commands::user_import::options::Options;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The results of the lines so far.
#[derive(Default)]
pub(super) struct Summary {
    /// Users that were added.
    pub(super) added: u64,
    /// Users that were imported earlier.
    pub(super) already_exist: u64,
    /// Lines that are invalid.
    invalid: u64,
    /// The first of the invalid lines, with their numbers.
    errors: Vec<(u64, String)>,
}

impl Summary {
    /// Counts an invalid line; keeps its error if there are fewer than `max_errors`.
    pub(super) fn add_error(&mut self, line: u64, error: String, max_errors: usize) {
        self.invalid += 1;
        if self.errors.len() < max_errors {
            self.errors.push((line, error));
        }
    }

    /// Whether a line is invalid.
    pub(super) fn has_errors(&self) -> bool {
        self.invalid > 0
    }

    /// Prints the results.
    ///
    /// # Errors
    ///
    /// If a line is invalid; `consequence` says what happened to the other users.
    pub(super) fn print(&self, options: &Options, consequence: &str) -> Result<(), CliError> {
        for (number, error) in &self.errors {
            eprintln!("line {number}: {}", escape_controls(error));
        }
        let hidden = self.invalid - self.errors.len() as u64;
        if hidden > 0 {
            eprintln!("and {hidden} more; --max-errors {} shows all", self.invalid);
        }
        if options.json {
            print_json(&self.to_json(options))?;
        } else {
            print_line(&self.to_text(options))?;
        }
        match self.invalid {
            0 => Ok(()),
            1 => Err(CliError::failure(format!("1 line is invalid; {consequence}"))),
            invalid => Err(CliError::failure(format!("{invalid} lines are invalid; {consequence}"))),
        }
    }

    fn to_text(&self, options: &Options) -> String {
        let Self { added, already_exist, invalid, .. } = self;
        let verb = if options.dry_run { "would add" } else { "added" };
        format!("{verb} {added}, already exist {already_exist}, invalid {invalid}")
    }

    fn to_json(&self, options: &Options) -> Value {
        let errors = self.errors.iter().map(|(line, error)| json!({ "line": line, "error": error }));
        json!({
            "added": self.added,
            "already_exist": self.already_exist,
            "invalid": self.invalid,
            "dry_run": options.dry_run,
            "errors": errors.collect::<Vec<_>>(),
        })
    }
}
