//! Counts the results of an import, and prints them.

use serde_json::{Value, json};

use crate::commands::user_import::options::Options;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The results of the records so far.
#[derive(Default)]
pub(super) struct Summary {
    /// Users that were added.
    pub(super) added: u64,
    /// Users that were imported earlier.
    pub(super) already_exist: u64,
    /// Records that are no accounts of persons, such as groups in a directory.
    pub(super) left_out: u64,
    /// Whether a user has no name and an address that is not verified.
    pub(super) has_unverified_addresses: bool,
    /// Records that are invalid.
    invalid: u64,
    /// The first of the invalid records, with their numbers.
    errors: Vec<(u64, String)>,
}

impl Summary {
    /// Counts an invalid record; keeps its error if there are fewer than `max_errors`.
    pub(super) fn add_error(&mut self, number: u64, error: String, max_errors: usize) {
        self.invalid += 1;
        if self.errors.len() < max_errors {
            self.errors.push((number, error));
        }
    }

    /// Whether a record is invalid.
    pub(super) fn has_errors(&self) -> bool {
        self.invalid > 0
    }

    /// Prints the results.
    ///
    /// # Errors
    ///
    /// If a record is invalid; `consequence` says what happened to the other users. Not with `--skip-invalid`.
    pub(super) fn print(&self, options: &Options, consequence: &str) -> Result<(), CliError> {
        let unit = options.format.unit();
        for (number, error) in &self.errors {
            eprintln!("{unit} {number}: {}", escape_controls(error));
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
        let message = match self.invalid {
            0 => return Ok(()),
            _ if options.skip_invalid => return Ok(()),
            1 => format!("1 {unit} is invalid; {consequence}"),
            invalid => format!("{invalid} {unit}s are invalid; {consequence}"),
        };
        let hint = (self.has_unverified_addresses && !options.format.assume_emails_verified).then_some(
            "if the other system let users log in only after they had proved that the address is theirs, use \
             --assume-emails-verified; --skip-invalid imports the other users",
        );
        Err(CliError::failure(message).with_optional_hint(hint))
    }

    fn to_text(&self, options: &Options) -> String {
        let Self { added, already_exist, left_out, invalid, .. } = self;
        let verb = if options.dry_run { "would add" } else { "added" };
        let left_out = match left_out {
            0 => String::new(),
            count => format!(", left out {count} that are no accounts"),
        };
        format!("{verb} {added}, already exist {already_exist}, invalid {invalid}{left_out}")
    }

    fn to_json(&self, options: &Options) -> Value {
        let unit = options.format.unit();
        let errors = self.errors.iter().map(|(number, error)| json!({ unit: number, "error": error }));
        json!({
            "added": self.added,
            "already_exist": self.already_exist,
            "left_out": self.left_out,
            "invalid": self.invalid,
            "dry_run": options.dry_run,
            "errors": errors.collect::<Vec<_>>(),
        })
    }
}
