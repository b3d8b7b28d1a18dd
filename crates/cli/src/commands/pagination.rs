//! Prints lists, as a whole or page by page.

use clap::Args;
use counterfoil::operator::{ListItem, ListResponse};
use serde::Serialize;

use crate::argument_value::whole_number;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::shell_quote;
use crate::output::print_json;
use crate::table::{Column, print_table};

/// The length of an id of a user: 16 bytes as base64url.
const ID_LENGTH: usize = 22;

/// Which page of a list to print, and how.
#[derive(Args)]
pub(crate) struct PageOptions {
    /// The most records to list.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole_number(1..=1000_u32))]
    pub(crate) limit: u32,
    /// Continue after this cursor, which the previous page printed.
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

impl PageOptions {
    /// Prints the records of a list, one `row` each, and the cursor of the next page.
    pub(crate) fn print<T: ListItem + Serialize, const N: usize>(
        &self,
        list: &ListResponse<T>,
        header: [impl Into<Column>; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), CliError> {
        self.print_records(list, (T::MEMBER, &list.items[..]), list.next.as_deref(), header, row)
    }

    /// Prints the records of an answer that is no simple list. `name` says what they are: `signing_keys`.
    pub(crate) fn print_records<T, const N: usize>(
        &self,
        answer: &impl Serialize,
        (name, records): (&str, &[T]),
        next: Option<&str>,
        header: [impl Into<Column>; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), CliError> {
        if self.json {
            return print_json(answer);
        }
        if records.is_empty() {
            let more = if self.after.is_some() { "more " } else { "" };
            eprintln!("no {more}{}", name.replace('_', " "));
            return Ok(());
        }
        print_table(header, records.iter().map(row))?;
        if let Some(next) = next {
            eprintln!("more: --after {}", shell_quote(next));
        }
        Ok(())
    }
}

/// A user that is named without `--user`. An id may begin with a hyphen, but an unknown option is not a name.
///
/// # Errors
///
/// If it looks like an option.
pub(crate) fn parse_user(text: &str) -> Result<String, String> {
    if text.starts_with("--") && text.len() != ID_LENGTH {
        return Err("is no option of this command; `--user=NAME` takes every name".to_owned());
    }
    Ok(text.to_owned())
}
