//! `counterfoil pages`: the templates and texts of the pages.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use counterfoil::Original;
use counterfoil::operator::replace_file;
use serde_json::json;

use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// Others may read what is written, as it contains no secret, but not write it: a user who can write it changes the pages.
const MODE: u32 = 0o644;

/// The commands of `pages`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Writes our templates and texts to a directory. A changed one replaces ours (`[pages] templates` and `texts`).
    Export(ExportOptions),
}

/// The options of `pages export`.
#[derive(Args)]
pub(crate) struct ExportOptions {
    /// The directory, which is created. The templates are in `templates` below it, the texts in `texts`.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Write into a directory that is not empty, and replace the files with our names.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<(), CliError> {
    match command {
        Command::Export(options) => export(options),
    }
}

fn export(options: &ExportOptions) -> Result<(), CliError> {
    let directory = &options.directory;
    if !options.force && !is_empty(directory)? {
        return Err(CliError::failure(format!("{} is not empty, and was not changed", directory.display()))
            .with_hint("name another directory, or add --force to replace the files with our names"));
    }
    let templates = write_all(&directory.join("templates"), Original::templates())?;
    let texts = write_all(&directory.join("texts"), Original::texts())?;
    if options.json {
        let contract = Original::CONTRACT;
        return print_json(&json!({ "contract": contract, "templates": templates, "texts": texts }));
    }
    let (to, contract) = (escape_controls(&directory.to_string_lossy()), Original::CONTRACT);
    print_line(&format!(
        "wrote {} templates and {} files of texts to {to} (contract {contract})\n\
         next: keep only what you change, and set `templates` and `texts` in [pages]",
        templates.len(),
        texts.len()
    ))
}

/// Whether there is nothing in it; one that does not exist has nothing.
fn is_empty(directory: &Path) -> Result<bool, CliError> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(CliError::from_path("read", directory, &error)),
    }
}

/// Writes the files, and returns their paths.
fn write_all(directory: &Path, files: impl Iterator<Item = Original>) -> Result<Vec<PathBuf>, CliError> {
    let write = |file: Original| {
        let path = directory.join(&file.name);
        let folder = path.parent().unwrap_or(directory);
        fs::create_dir_all(folder).map_err(|error| CliError::from_path("create", folder, &error))?;
        let written = replace_file(&path, |new| {
            new.write_all(file.content.as_bytes())?;
            new.set_permissions(fs::Permissions::from_mode(MODE))
        });
        written.map_err(|error| CliError::from_path("write", &path, &error))?;
        Ok(path)
    };
    files.map(write).collect()
}
