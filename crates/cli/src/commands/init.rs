//! `counterfoil init`: asks a few questions, recommends a mode for each kind of client, and writes the
//! commented configuration file.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::commands::init::answers::Answers;
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::print_line;

mod answers;
mod config_file;
mod questions;
mod recommendation;

/// The options of `init`.
#[derive(Args)]
pub(crate) struct Options {
    /// Read the answers from this TOML or JSON (`*.json`) file instead of asking.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The file to write. It must not exist.
    #[arg(long, value_name = "FILE", default_value = "counterfoil.toml")]
    out: PathBuf,
}

/// Asks or reads the answers, and writes the configuration file.
///
/// # Errors
///
/// If there is no terminal, an answer is invalid, or the file exists; nothing is written then.
pub(crate) fn run(options: &Options) -> Result<(), CliError> {
    if options.out.exists() {
        return Err(already_exists(&options.out));
    }
    let answers = match &options.answers {
        Some(file) => Answers::read(file)?,
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => questions::ask()?,
        None => {
            return Err(CliError::usage("there is no terminal to ask on")
                .with_hint("give the answers in a file: --answers FILE"));
        }
    };
    let recommendations = recommendation::for_clients(&answers);
    let text = config_file::text(&answers, &recommendations);
    validate(&options.out, &text)?;
    create(&options.out, &text)?;
    let lines = recommendations
        .iter()
        .map(|one| format!("{}: mode {}: {}", one.client.as_str(), one.mode, one.reason));
    print_line(&lines.collect::<Vec<_>>().join("\n"))?;
    let out = escape_controls(&options.out.to_string_lossy());
    print_line(&format!("wrote {out}\nnext: counterfoil check --config {out}"))
}

/// Validates the text as `check` and `serve` will do.
fn validate(out: &Path, text: &str) -> Result<(), CliError> {
    let configuration = Configuration::from_text(out, text);
    configuration.settings(configuration.listen).map(drop)
}

/// Creates the file; an existing one is not overwritten. Others may read it, as it contains no secret, but not write it,
/// whatever the umask: who writes it can weaken the server.
fn create(out: &Path, text: &str) -> Result<(), CliError> {
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o644).open(out).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => already_exists(out),
        _ => CliError::with_cause(&format!("{} cannot be written", out.display()), &error),
    })
}

fn already_exists(out: &Path) -> CliError {
    CliError::failure(format!("{} already exists, and was not changed", out.display()))
        .with_hint("choose another file with --out, or move it away")
}
