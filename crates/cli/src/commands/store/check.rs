//! `counterfoil store check`: reads a whole store and lists what is wrong with it.

use clap::Args;
use counterfoil::operator::{CheckedStore, StoreCheckError, StoreFinding, check_store};
use serde_json::{Value, json};

use crate::admin_client::store_settings;
use crate::commands::store::location;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::count;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::progress::row_bar;

/// The options of `store check`.
#[derive(Args)]
pub(crate) struct Options {
    /// Another store than that of the configuration: its URL, or `@FILE` with a file that contains the URL.
    #[arg(value_name = "STORE")]
    location: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
///
/// # Errors
///
/// If the store cannot be read, or something is wrong with it.
pub(crate) async fn run(configuration: &Configuration, options: &Options) -> Result<(), CliError> {
    let mut settings = store_settings(configuration)?;
    if let Some(store) = &options.location {
        settings.store = location::parse(store)?;
    }
    let bar = row_bar("checking");
    let report = |rows, total| {
        bar.set_length(total);
        bar.inc(rows);
    };
    let checked = check_store(&settings, &report).await;
    bar.finish_and_clear();
    let checked = checked?;
    match options.json {
        true => print_json(&to_json(&checked))?,
        false => print_line(&to_text(&checked))?,
    }
    match checked.findings.len() {
        0 => Ok(()),
        findings => Err(CliError::failure(format!(
            "the store is not consistent: {}",
            count(findings as u64, "finding")
        ))),
    }
}

fn to_text(checked: &CheckedStore) -> String {
    let mut lines: Vec<String> = checked.findings.iter().map(line).collect();
    if let Some(copy) = &checked.copy {
        lines.push(format!("note: no server uses this store: {copy}"));
    }
    let rows: u64 = checked.tables.iter().map(|(_, rows)| rows).sum();
    if checked.findings.is_empty() {
        lines.push(format!(
            "{}: {rows} rows of {} tables, nothing is wrong",
            checked.store,
            checked.tables.len()
        ));
        if !checked.are_keys_checked {
            lines.push("note: the keys were not decrypted, because there is no master key".to_owned());
        }
    }
    lines.iter().map(|line| escape_controls(line)).collect::<Vec<_>>().join("\n")
}

fn line(finding: &StoreFinding) -> String {
    let StoreFinding { code, message, count, example, .. } = finding;
    match example {
        Some(example) => format!("error: {count} {message}, for example {example} ({code})"),
        None => format!("error: {message} ({code})"),
    }
}

fn to_json(checked: &CheckedStore) -> Value {
    let finding = |finding: &StoreFinding| {
        json!({
            "code": finding.code,
            "message": finding.message,
            "count": finding.count,
            "example": finding.example,
        })
    };
    let table = |(name, rows): &(&str, u64)| json!({ "name": name, "rows": rows });
    json!({
        "store": checked.store,
        "tables": checked.tables.iter().map(table).collect::<Vec<_>>(),
        "findings": checked.findings.iter().map(finding).collect::<Vec<_>>(),
        "keys_checked": checked.are_keys_checked,
        "copy": checked.copy,
    })
}

impl From<StoreCheckError> for CliError {
    fn from(error: StoreCheckError) -> Self {
        Self::from_error(&error).with_optional_hint(error.hint())
    }
}
