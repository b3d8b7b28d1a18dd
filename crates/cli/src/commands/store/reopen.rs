//! `counterfoil store reopen`: lets a store be used again after it was copied.

use clap::Args;
use counterfoil::operator::reopen_store;
use serde_json::json;

use crate::commands::store::location;
use crate::confirmation::Confirmation;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The options of `store reopen`.
#[derive(Args)]
pub(crate) struct Options {
    /// The store that was copied: its URL, or `@FILE` with a file that contains the URL.
    #[arg(value_name = "STORE")]
    location: String,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(options: &Options) -> Result<(), CliError> {
    let store = location::parse(&options.location)?;
    let warning = format!(
        "{store} will be used again. The copy must not be: what is revoked in one of them stays valid in the other.\n\
         What changed in the copy is lost."
    );
    options.confirmation.ask(&warning, "Use this store again?")?;
    let copy = reopen_store(&store).await?;
    if options.json {
        return print_json(&json!({ "store": store.to_string(), "copy": copy }));
    }
    print_line(&escape_controls(&match copy {
        Some(copy) => format!("{store} can be used again; delete the copy {copy}"),
        None => format!("{store} was not copied; it can be used"),
    }))
}
