//! Prints lists, as a whole or page by page.

use clap::Args;
use counterfoil::operator::{ListItem, ListResponse};
use serde::Serialize;

use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::shell_quote;
use crate::output::print_json;
use crate::table::print_table;

/// Which page of a list to print, and how.
#[derive(Args)]
pub(crate) struct PageOptions {
    /// The most records to list.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Continue after this cursor, which the previous page printed.
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

impl PageOptions {
    /// Prints the records of a list, one `row` each, and the cursor of the next page.
    pub(crate) fn print<T: ListItem + Serialize, const N: usize>(
        &self,
        list: &ListResponse<T>,
        header: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), CliError> {
        self.print_records(list, &list.items, list.next.as_deref(), header, row)
    }

    /// Prints the `records` of an answer that is no simple list.
    pub(crate) fn print_records<T, const N: usize>(
        &self,
        answer: &impl Serialize,
        records: &[T],
        next: Option<&str>,
        header: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), CliError> {
        if self.json {
            return print_json(answer);
        }
        print_table(header, records.iter().map(row))?;
        if let Some(next) = next {
            eprintln!("more: --after {}", shell_quote(next));
        }
        Ok(())
    }
}
