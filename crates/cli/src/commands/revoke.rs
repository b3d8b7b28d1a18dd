//! `counterfoil revoke`: revokes sessions, tokens, keys, or all credentials of a user, of a client or of everyone.

use clap::Args;
use counterfoil::operator::{self, RevocationRequest, RevocationResponse, Wait};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};

/// The options of `revoke`.
#[derive(Args)]
pub(crate) struct Options {
    /// session:ID, user:NAME, token:JTI, client:ID, key:KID or everyone. A user is named by name or id, a client by id or
    /// display name, and a key by its id or as `key:current` and `key:next`.
    subject: String,
    /// The reason, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command. The revocation is durable and in effect when this returns.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    let Options { subject, reason, json, .. } = options;
    let request = RevocationRequest { subject, reason, wait: Wait::None };
    let answer: RevocationResponse = execute(configuration, operator::Command::Revoke(request)).await?;
    if json {
        return print_json(&answer);
    }
    print_line(&format!("revoked at position {}", answer.position))
}
