//! Lists that come in pages.

use clap::Args;
use serde_json::Value;

use crate::error::CliError;
use crate::table;

/// Which part of a list, and how to show it.
#[derive(Args)]
pub(crate) struct PageOptions {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Goes on where the last list ended.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl PageOptions {
    /// Shows the records called `name` of an answer, one `row` each, and says how to go on.
    pub(crate) fn show<const N: usize>(
        &self,
        answer: &Value,
        name: &str,
        header: [&str; N],
        row: impl Fn(&Value) -> [String; N],
    ) -> Result<(), CliError> {
        if self.json {
            return table::print_json(answer);
        }
        let records = answer[name].as_array().map(Vec::as_slice).unwrap_or_default();
        table::print_table(header, records.iter().map(row))?;
        if let Some(next) = answer["next"].as_str() {
            eprintln!("more: --after {}", table::quoted(next));
        }
        Ok(())
    }
}

/// Shows all records called `name` of an answer that has no pages.
pub(crate) fn print_list<const N: usize>(
    answer: &Value,
    name: &str,
    is_json: bool,
    header: [&str; N],
    row: impl Fn(&Value) -> [String; N],
) -> Result<(), CliError> {
    if is_json {
        return table::print_json(answer);
    }
    let records = answer[name].as_array().map(Vec::as_slice).unwrap_or_default();
    table::print_table(header, records.iter().map(row))
}
