//! `counterfoil backup`: writes a consistent copy of the store to a file.

use std::path::{self, Path, PathBuf};
use std::time::Duration;

use clap::Args;
use counterfoil::operator::{self, BackupResponse};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::progress::progress_bar;

/// How often the progress bar is updated.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The options of `backup`.
#[derive(Args)]
pub(crate) struct Options {
    /// The file to write. It does not contain the master key, which must be backed up separately.
    file: PathBuf,
    /// Replace an existing file, once the new backup is complete.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command. The backup is on the disk when this returns.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    // The server that writes the file has another working directory.
    let file = path::absolute(&options.file).map_err(|error| {
        CliError::with_cause(&format!("{} is not a path", options.file.display()), &error)
    })?;
    let answer = back_up_with_progress(configuration, &file, options.force).await?;
    if options.json {
        return print_json(&answer);
    }
    print_line(&escape_controls(&file.to_string_lossy()))
}

/// Writes the backup, and shows the size of the file so far; the final size is about that of the store.
async fn back_up_with_progress(
    configuration: &Configuration,
    file: &Path,
    replace: bool,
) -> Result<BackupResponse, CliError> {
    let store = configuration.settings(configuration.listen)?.store;
    let length = store.file().and_then(|store| store.metadata().ok()).map_or(0, |metadata| metadata.len());
    let bar = progress_bar(length, "copying");
    let command = operator::Command::Backup { file: file.to_owned(), replace };
    let backup = execute(configuration, command);
    tokio::pin!(backup);
    let mut interval = tokio::time::interval(PROGRESS_INTERVAL);
    let answer = loop {
        tokio::select! {
            answer = &mut backup => break answer,
            _ = interval.tick() => {
                let written = operator::partial_backup_path(file).metadata().map_or(0, |metadata| metadata.len());
                bar.set_position(written);
            }
        }
    };
    bar.finish_and_clear();
    answer
}
