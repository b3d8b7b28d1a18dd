//! `counterfoil revoke`: revokes sessions, users, tokens, clients or keys.

use clap::Args;
use counterfoil::operator::{self, RevocationRequest, Wait};

use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell};

/// What to revoke, and why.
#[derive(Args)]
pub(crate) struct Options {
    /// session:ID, user:ID, token:JTI, client:ID, key:KID or everyone.
    subject: String,
    /// The reason, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, options: Options) -> Result<(), Fault> {
    let Options { subject, reason, json } = options;
    let request = RevocationRequest { subject, reason, wait: Wait::None };
    let answer = administer(common, operator::Command::Revoke(request)).await?;
    if json {
        return show::json(&answer);
    }
    show::say(&format!("revoked at position {}", cell(&answer, "position")))
}
