//! `counterfoil revoke`: revokes sessions, tokens, keys, or all credentials of a user, of a client or of everyone.

use clap::Args;
use counterfoil::operator::{self, RevocationPreviewResponse, RevocationRequest, RevocationResponse, Wait};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::{Confirmation, count};
use crate::error::CliError;
use crate::output::{print_json, print_line};

/// The options of `revoke`.
#[derive(Args)]
pub(crate) struct Options {
    /// session:ID, user:ID, token:JTI, client:ID, key:KID or everyone.
    subject: String,
    /// The reason, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command. What concerns many users, and a key, is confirmed before. The revocation is durable and in effect when this returns.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    let Options { subject, reason, confirmation, json, .. } = options;
    if !confirmation.is_given()
        && let Some(consequences) = consequences(configuration, &subject).await?
    {
        confirmation.ask(&consequences, "Revoke this?")?;
    }
    let request = RevocationRequest { subject, reason, wait: Wait::None };
    let answer: RevocationResponse = execute(configuration, operator::Command::Revoke(request)).await?;
    if json {
        return print_json(&answer);
    }
    print_line(&format!("revoked at position {}", answer.position))
}

/// What ends with the subject, if that must be confirmed: it cannot be undone, and concerns more than one user.
async fn consequences(configuration: &Configuration, subject: &str) -> Result<Option<String>, CliError> {
    if let Some(kid) = subject.strip_prefix("key:") {
        return Ok(Some(consequences_for_key(kid)));
    }
    let whose = match subject.strip_prefix("client:") {
        Some(client) => format!("that were issued through the client {client}"),
        None if subject == "everyone" => "of all users".to_owned(),
        None => return Ok(None),
    };
    let command = operator::Command::RevocationPreview { subject: subject.to_owned() };
    let RevocationPreviewResponse { sessions, .. } = execute(configuration, command).await?;
    Ok(Some(format!(
        "all credentials {whose} are revoked: {}, and every token issued so far is rejected. The users must log in again.",
        ends(sessions)
    )))
}

/// `3 active sessions end`.
fn ends(sessions: u64) -> String {
    let verb = if sessions == 1 { "ends" } else { "end" };
    format!("{} {verb}", count(sessions, "active session"))
}

/// What ends with a key.
pub(crate) fn consequences_for_key(kid: &str) -> String {
    format!(
        "the key {kid} is revoked for good: every access token that it signed is rejected from now on, also by services \
         that fetch the key set. If it is the current key, the next key signs from now on. To replace a key that is not \
         stolen: counterfoil key rotate"
    )
}
