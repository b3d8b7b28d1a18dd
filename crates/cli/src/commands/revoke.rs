//! `counterfoil revoke`: whatever can be named, dead when the command is done.

use clap::{Args, ValueEnum};
use counterfoil::operator::{self, RevocationForm};

use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell};

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
pub(crate) async fn run(common: &Configuration, options: Options) -> Result<(), Fault> {
    let Options { subject, reason, wait, json } = options;
    let wait = match wait {
        Wait::None => operator::Wait::None,
        Wait::Fleet => operator::Wait::Fleet,
    };
    let form = RevocationForm { subject, reason, wait };
    let answer = administer(common, operator::Command::Revoke(form)).await?;
    if json {
        return show::json(&answer);
    }
    show::say(&format!("revoked at position {}", cell(&answer, "position")))
}
