//! `counterfoil store copy`: copies a store to another back end, which takes its place.

use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use counterfoil::operator::{CopiedStore, CopyPhase, CopyProgress, StoreMoveError, copy_store};
use serde_json::json;

use crate::commands::store::location;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::progress::row_bar;

/// The options of `store copy`.
#[derive(Args)]
pub(crate) struct Options {
    /// The store to copy: its URL, or `@FILE` with a file that contains the URL.
    from: String,
    /// The new store: a file that does not exist, or an empty database. Named as FROM.
    to: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command. The copy is on the disk when this returns.
pub(crate) async fn run(options: &Options) -> Result<(), CliError> {
    let (from, to) = (location::parse(&options.from)?, location::parse(&options.to)?);
    let started = Instant::now();
    let bar = row_bar("copying");
    let phase = Mutex::new(CopyPhase::Copying);
    let report = |progress: CopyProgress| {
        bar.set_length(progress.total);
        if let Ok(mut phase) = phase.lock()
            && *phase != progress.phase
        {
            *phase = progress.phase;
            bar.reset();
            bar.set_message("comparing");
        }
        bar.inc(progress.rows);
    };
    let copied = copy_store(&from, &to, &report).await;
    bar.finish_and_clear();
    let copied = copied?;
    let seconds = started.elapsed().as_secs_f64();
    if options.json {
        return print_json(&to_json(&copied, seconds));
    }
    print_line(&escape_controls(&to_text(&copied, seconds)))
}

fn to_text(copied: &CopiedStore, seconds: f64) -> String {
    let rows: u64 = copied.tables.iter().map(|table| table.rows).sum();
    format!(
        "copied {rows} rows of {} tables to {} in {seconds:.1} s, and compared them; all logins stay valid. Set `store` to \
         it: {} is not used any more",
        copied.tables.len(),
        copied.to,
        copied.from
    )
}

fn to_json(copied: &CopiedStore, seconds: f64) -> serde_json::Value {
    let tables = copied
        .tables
        .iter()
        .map(|table| json!({ "name": table.name, "rows": table.rows, "digest": table.digest }));
    json!({
        "from": copied.from,
        "to": copied.to,
        "resumed": copied.is_resumed,
        "seconds": seconds,
        "tables": tables.collect::<Vec<_>>(),
    })
}

impl From<StoreMoveError> for CliError {
    fn from(error: StoreMoveError) -> Self {
        Self::from_error(&error).with_optional_hint(error.hint())
    }
}
