//! `counterfoil backup`: a consistent copy of the store.

use std::path::{self, Path, PathBuf};
use std::time::Duration;

use clap::Args;
use counterfoil::operator;
use serde_json::Value;

use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::printable::printable;
use crate::progress::bytes_of;
use crate::show;

/// How often the bar is drawn.
const GLANCE: Duration = Duration::from_millis(200);

/// Where to.
#[derive(Args)]
pub(crate) struct Options {
    /// The new file. The master key is not in it: keep that elsewhere.
    file: PathBuf,
    /// Puts the backup in the place of a file that is there, once it is whole.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command. When it is over the backup is on the disk.
pub(crate) async fn run(common: &Configuration, options: Options) -> Result<(), Fault> {
    // The server that writes it has another working directory.
    let file = path::absolute(&options.file)
        .map_err(|error| Fault::because(&format!("{} is no path", options.file.display()), &error))?;
    let answer = watched(common, &file, options.force).await?;
    if options.json {
        return show::json(&answer);
    }
    show::say(&printable(&file.to_string_lossy()))
}

/// Has it written, and shows how long the file has grown. It becomes about as long as the store is.
async fn watched(common: &Configuration, file: &Path, replace: bool) -> Result<Value, Fault> {
    let store = common.settings(common.listen)?.store;
    let length = store.file().and_then(|store| store.metadata().ok()).map_or(0, |about| about.len());
    let bar = bytes_of(length, "copying");
    let written = administer(common, operator::Command::Backup { file: file.to_owned(), replace });
    tokio::pin!(written);
    let mut glance = tokio::time::interval(GLANCE);
    let answer = loop {
        tokio::select! {
            answer = &mut written => break answer,
            _ = glance.tick() => {
                let grown = operator::partial_backup_path(file).metadata().map_or(0, |about| about.len());
                bar.set_position(grown);
            }
        }
    };
    bar.finish_and_clear();
    answer
}
