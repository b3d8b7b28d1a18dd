//! `counterfoil doctor`: examines a deployment from outside, as a client over the network.

use std::path::{Path, PathBuf};

use clap::Args;
use counterfoil::operator::doctor::row::{Row, Verdict};
use counterfoil::operator::{self, DoctorProbeResponse};
use counterfoil::{App, IssuerUrl};
use counterfoil_jose::Secret;
use serde_json::json;

use crate::admin_client::{execute, store_settings};
use crate::commands::doctor::examination::Examination;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::input_file::read_text;
use crate::output::{print_json, print_line};
use crate::secret_input::strip_newline;

mod certificate;
mod client;
mod examination;

/// The most bytes of a file with a probe.
const MAX_LENGTH: u64 = 1024;

/// The options of `doctor`.
#[derive(Args)]
pub(crate) struct Options {
    /// The URL of the issuer, as clients and verifiers use it.
    #[arg(required_unless_present = "new_probe")]
    url: Option<String>,
    /// The file with a probe, or `-` for standard input [default: a new one of the server in the data directory].
    #[arg(long, value_name = "FILE")]
    probe_file: Option<PathBuf>,
    /// Print a probe for another machine, and examine nothing. It is valid for ten minutes.
    #[arg(long, conflicts_with_all = ["url", "probe_file"])]
    new_probe: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Examines the deployment, and prints a row for each check.
///
/// # Errors
///
/// If something is wrong, with status 1; if the deployment cannot be reached, with status 2.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    let Some(url) = options.url else {
        let answer = new_probe(configuration).await?;
        return if options.json { print_json(&answer) } else { print_line(answer.probe.expose()) };
    };
    let issuer: IssuerUrl = url.parse().map_err(|error: counterfoil::IssuerUrlError| {
        CliError::usage(error.to_string()).with_hint(error.hint())
    })?;
    let probe = match options.probe_file {
        Some(file) => Ok(read_probe(&file)?),
        None => own_probe(configuration, &issuer).await,
    };
    let rows = Examination::new(&issuer)?.run(probe).await?;
    if options.json {
        print_json(&json!({ "url": issuer.as_str(), "rows": rows }))?;
    } else {
        print_line(&to_text(&rows))?;
    }
    match rows.iter().filter(|row| row.verdict == Verdict::Wrong).count() {
        0 => Ok(()),
        1 => Err(CliError::failure("1 thing is wrong with this deployment")),
        many => Err(CliError::failure(format!("{many} things are wrong with this deployment"))),
    }
}

fn to_text(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.check.len()).max().unwrap_or_default();
    let line = |row: &Row| {
        let line = format!("{:<11}  {:<width$}  {}", row.verdict, row.check, escape_controls(&row.seen));
        match &row.mend {
            Some(mend) => format!("{line}\n{:13}hint: {}", "", escape_controls(mend)),
            None => line,
        }
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn new_probe(configuration: &Configuration) -> Result<DoctorProbeResponse, CliError> {
    execute(configuration, operator::Command::DoctorProbe {}).await
}

fn read_probe(file: &Path) -> Result<Secret<String>, CliError> {
    let text = read_text(file, MAX_LENGTH)?;
    let probe = strip_newline(text.expose().clone());
    // Every other credential in the file would be sent to the URL.
    if !operator::doctor::is_probe(&probe) {
        return Err(CliError::usage(format!("there is no probe in {}", file.display()))
            .with_hint("make one with `counterfoil doctor --new-probe` on the machine of the server"));
    }
    Ok(Secret::new(probe))
}

/// A probe of the server on this machine; else why it cannot be had. The examination is then of less, but not refused: most
/// checks need no probe.
async fn own_probe(configuration: &Configuration, issuer: &IssuerUrl) -> Result<Secret<String>, String> {
    let dir = configuration.data_dir.display();
    match store_settings(configuration) {
        Ok(settings) if App::store_exists(&settings) => {}
        Ok(_) | Err(_) => return Err(format!("there is no probe, and no store in {dir}")),
    }
    let answer = new_probe(configuration).await;
    let answer = answer.map_err(|error| format!("there is no probe: {}", error.into_parts().0))?;
    // Another server must not receive a credential of this one.
    if answer.issuer != issuer.as_str() {
        return Err(format!("there is no probe, because the server on this machine is {}", answer.issuer));
    }
    Ok(answer.probe)
}
