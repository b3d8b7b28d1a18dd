//! `counterfoil backup`: writes a consistent copy of the store to a file.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
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
use crate::standard_input::is_standard_input;

/// How often the progress bar is updated.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The options of `backup`.
#[derive(Args)]
pub(crate) struct Options {
    /// The file to write, or `-` for standard output. It does not contain the master key, which must be backed up
    /// separately.
    file: PathBuf,
    /// Replace an existing file, once the new backup is complete.
    #[arg(long)]
    force: bool,
    /// Print JSON, but not into a backup on standard output.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command. The backup is on the disk when this returns.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    if is_standard_input(&options.file) {
        return back_up_to_standard_output(configuration, &options).await;
    }
    // The server that writes the file has another working directory.
    let file =
        path::absolute(&options.file).map_err(|error| CliError::from_path("find", &options.file, &error))?;
    let answer = back_up_with_progress(configuration, &file, options.force).await?;
    if options.json {
        return print_json(&answer);
    }
    print_line(&escape_controls(&file.to_string_lossy()))
}

/// Writes the backup to a temporary file next to the store, and copies that to standard output.
async fn back_up_to_standard_output(
    configuration: &Configuration,
    options: &Options,
) -> Result<(), CliError> {
    let mut out = io::stdout();
    if options.json {
        return Err(CliError::usage("--json and a backup on standard output exclude each other"));
    }
    if out.is_terminal() {
        return Err(CliError::usage("a backup is not written to a terminal")
            .with_hint("redirect it, as in `counterfoil backup - | gzip > backup.db.gz`"));
    }
    let store = configuration.settings(configuration.listen)?.store;
    let dir = store.file().and_then(Path::parent).filter(|dir| !dir.as_os_str().is_empty());
    let dir = path::absolute(dir.unwrap_or(Path::new(".")))
        .map_err(|error| CliError::from_path("find", Path::new("."), &error))?;
    // Next to the store: the server that owns it can write there, and the disk is not shared with other users.
    let name = format!(".counterfoil-backup-{}", std::process::id());
    let file = RemovedFile(dir.join(name));
    back_up_with_progress(configuration, &file.0, false).await?;
    let copied = File::open(&file.0).and_then(|mut copy| {
        io::copy(&mut copy, &mut out)?;
        out.flush()
    });
    copied
        .map(drop)
        .map_err(|error| CliError::with_cause("cannot write the backup to standard output", &error))
}

/// A file that is deleted when this is dropped.
struct RemovedFile(PathBuf);

impl Drop for RemovedFile {
    fn drop(&mut self) {
        // It may not have been written.
        let _ = fs::remove_file(&self.0);
    }
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
