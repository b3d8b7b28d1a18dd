//! `counterfoil init`: asks a few questions, recommends a mode for each kind of client, and writes the
//! commented configuration file.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use counterfoil::operator::advice::{Answers, Domains, for_clients};
use serde_json::json;

use crate::commands::init::prompt::Prompt;
use crate::configuration::{Configuration, INITIAL_FILE};
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::standard_input::is_standard_input;

mod answers;
mod config_file;
mod prompt;
mod questions;

/// The options of `init`.
#[derive(Args)]
pub(crate) struct Options {
    /// Read the answers from this TOML or JSON file, or from standard input with `-`, instead of asking.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The file to write, which must not exist, or `-` for standard output.
    #[arg(long, value_name = "FILE", default_value = INITIAL_FILE)]
    out: PathBuf,
    /// Print the recommendations as JSON, but not into a configuration on standard output.
    #[arg(long)]
    json: bool,
}

/// Asks or reads the answers, and writes the configuration file.
///
/// # Errors
///
/// If the input ends before the last answer, an answer in a file is invalid, or the file to write exists; nothing is
/// written then.
pub(crate) fn run(options: &Options) -> Result<(), CliError> {
    let is_printed = is_standard_input(&options.out);
    if is_printed && options.json {
        return Err(CliError::usage("--json cannot be combined with `--out -`")
            .with_hint("name a file with --out; standard output then has the recommendations only"));
    }
    if !is_printed && options.out.exists() {
        return Err(already_exists(&options.out));
    }
    let answers = match &options.answers {
        Some(file) => answers::read(file)?,
        None => questions::ask(&mut Prompt { input: io::stdin().lock(), output: io::stderr() })?,
    };
    if answers.domains == Domains::Many && answers.has_pages() && answers.trusted_origins.is_empty() {
        eprintln!(
            "hint: set trusted_origins to the origins of the pages on other domains: they cannot log in without"
        );
    }
    let recommendations = for_clients(&answers);
    let text = configuration_text(&answers);
    validate(&options.out, &text)?;
    if !is_printed {
        create(&options.out, &text)?;
    }
    if options.json {
        return print_json(&json!({ "file": options.out, "recommendations": recommendations }));
    }
    let lines = recommendations
        .iter()
        .map(|one| format!("{}: mode {}: {}", one.client.as_str(), one.mode, one.reason));
    let lines = lines.collect::<Vec<_>>().join("\n");
    if is_printed {
        eprintln!("{lines}");
        return print_line(text.trim_end());
    }
    print_line(&lines)?;
    let out = escape_controls(&options.out.to_string_lossy());
    print_line(&format!("wrote {out}\nnext: counterfoil check --config {out}"))
}

/// The commented configuration file that follows from the answers.
pub(crate) fn configuration_text(answers: &Answers) -> String {
    config_file::text(answers, &for_clients(answers))
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
        _ => CliError::from_path("write", out, &error),
    })
}

fn already_exists(out: &Path) -> CliError {
    CliError::failure(format!("{} already exists, and was not changed", out.display()))
        .with_hint("choose another file with --out, or move it away")
}

#[cfg(test)]
mod tests {
    use counterfoil::operator::advice::{ClientKind, LogoutDelay, Verifiers};

    use super::*;

    #[test]
    fn no_recommendation_names_a_route_that_does_not_exist() {
        let document = counterfoil::openapi();
        for domains in Domains::ALL {
            for logout in LogoutDelay::ALL {
                for verifiers in Verifiers::ALL {
                    let answers = Answers {
                        domains,
                        logout,
                        verifiers,
                        ..Answers::new("https://a.example", &ClientKind::ALL)
                    };
                    for one in for_clients(&answers) {
                        let words = one.reason.split([' ', ',', ';', '(', ')']);
                        for path in words.filter(|word| word.starts_with('/')) {
                            assert!(document["paths"].get(path).is_some(), "{path}: {}", one.reason);
                        }
                        assert!(
                            one.transport != "bearer"
                                || domains == Domains::One
                                || one.client == ClientKind::Mobile
                                || one.client == ClientKind::Services
                                || one.reason.contains("trusted_origins"),
                            "{one:?}"
                        );
                    }
                }
            }
        }
    }
}
