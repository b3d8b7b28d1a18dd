//! `counterfoil revoke`: whatever can be named, dead when the command is done.

use clap::{Args, ValueEnum};
use counterfoil::operator::{self, RevocationForm};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::table::{self, cell};

/// What to revoke, and why.
#[derive(Args)]
pub(crate) struct Options {
    /// session:ID, user:ID, token:JTI, client:ID, key:KID or everyone.
    subject: String,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For whom to wait: for nobody, or until every verifier that follows the log has heard. None follows it yet.
    #[arg(long, value_name = "WHOM", default_value = "none")]
    wait: Wait,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// For whom to wait.
#[derive(Clone, Copy, ValueEnum)]
enum Wait {
    /// For nobody.
    None,
    /// For every verifier that follows the log.
    Fleet,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, options: Options) -> Result<(), CliError> {
    let Options { subject, reason, wait, json } = options;
    let wait = match wait {
        Wait::None => operator::Wait::None,
        Wait::Fleet => operator::Wait::Fleet,
    };
    let form = RevocationForm { subject, reason, wait };
    let answer = execute(common, operator::Command::Revoke(form)).await?;
    if json {
        return table::print_json(&answer);
    }
    table::print_line(&format!("revoked at position {}", cell(&answer, "position")))
}
