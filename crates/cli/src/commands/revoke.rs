//! `counterfoil revoke`: revokes sessions, tokens, keys, or all credentials of a user, of a client or of everyone.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use counterfoil::operator::{
    self, FleetWaitView, RevocationPreviewResponse, RevocationRequest, RevocationResponse, Wait,
};
use tokio::time::sleep;

use crate::admin_client::{AdminConnection, execute};
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::{Confirmation, count};
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::progress::fleet_bar;

/// How often the progress of a wait is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// The options of `revoke`.
#[derive(Args)]
pub(crate) struct Options {
    /// session:ID, user:NAME, token:JTI, client:ID, key:KID or everyone. A user is named by name or id, a client by id or
    /// display name, and a key by its id or as `key:current` and `key:next`.
    subject: String,
    /// The reason, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Until when to wait: until it is durable, or until no verifier that follows the feed accepts the subject.
    #[arg(long, value_enum, default_value_t = WaitOption::None)]
    wait: WaitOption,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Until when the command waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WaitOption {
    /// Until the revocation is durable and in force in the server.
    None,
    /// Until every verifier that follows the feed has confirmed it, or its lease has run out.
    Fleet,
}

/// Runs the command. What concerns many users, and a key, is confirmed before. The revocation is durable and in effect when this returns.
pub(crate) async fn run(configuration: &Configuration, options: Options) -> Result<(), CliError> {
    let Options { subject, reason, wait, confirmation, json, .. } = options;
    if !confirmation.is_given()
        && let Some(consequences) = consequences(configuration, &subject).await?
    {
        confirmation.ask(&consequences, "Revoke this?")?;
    }
    let is_fleet = wait == WaitOption::Fleet;
    let request =
        RevocationRequest { subject, reason, wait: if is_fleet { Wait::Fleet } else { Wait::None } };
    let connection = AdminConnection::open(configuration, false).await?;
    let answer = if is_fleet && io::stderr().is_terminal() {
        revoke_with_progress(&connection, request).await
    } else {
        connection.execute(operator::Command::Revoke(request)).await
    };
    let closed = connection.close().await;
    let answer: RevocationResponse = answer?;
    closed?;
    if json {
        return print_json(&answer);
    }
    print_line(&summary(&answer, is_fleet))
}

/// Shows how many verifiers have confirmed while the command waits.
async fn revoke_with_progress(
    connection: &AdminConnection,
    request: RevocationRequest,
) -> Result<RevocationResponse, CliError> {
    let bar = fleet_bar();
    let subject = request.subject.clone();
    let show = async {
        loop {
            sleep(PROGRESS_INTERVAL).await;
            let waits = connection.execute(operator::Command::FleetWaits {}).await;
            // The progress is shown as far as it is known; the revocation itself reports errors.
            let waits: Vec<FleetWaitView> = waits.unwrap_or_default();
            // The server knows a user or a client that is named here by its id.
            if let Some(wait) = waits.iter().rev().find(|wait| wait.subject == subject).or(waits.last()) {
                let FleetWaitView { confirmed, expired, waiting, over_in_ms, .. } = *wait;
                bar.set_length(confirmed + expired + waiting);
                bar.set_position(confirmed + expired);
                bar.set_message(format!("{:.1} s at most", Duration::from_millis(over_in_ms).as_secs_f32()));
            }
        }
    };
    let answer = tokio::select! {
        answer = connection.execute(operator::Command::Revoke(request)) => answer,
        () = show => unreachable!("the progress is shown without end"),
    };
    bar.finish_and_clear();
    answer
}

fn summary(answer: &RevocationResponse, is_fleet: bool) -> String {
    let RevocationResponse { position, confirmed, expired, elapsed_ms, .. } = answer;
    if !is_fleet {
        return format!("revoked at position {position}");
    }
    let are_cut_off = match expired {
        0 => "none is cut off".to_owned(),
        1 => "1 is cut off and refuses every credential".to_owned(),
        several => format!("{several} are cut off and refuse every credential"),
    };
    let verifiers = if *confirmed == 1 { "verifier" } else { "verifiers" };
    format!(
        "revoked at position {position}: {confirmed} {verifiers} confirmed, {are_cut_off}; it took {elapsed_ms} ms"
    )
}

/// What ends with the subject, if that must be confirmed: it cannot be undone, and concerns more than one user.
async fn consequences(configuration: &Configuration, subject: &str) -> Result<Option<String>, CliError> {
    if let Some(kid) = subject.strip_prefix("key:") {
        return consequences_for_key(configuration, kid).await.map(Some);
    }
    let whose = match subject.strip_prefix("client:") {
        Some(client) => format!("that were issued through the client {client}"),
        None if subject == "everyone" => "of all users".to_owned(),
        None => return Ok(None),
    };
    let command = operator::Command::RevocationPreview { subject: subject.to_owned() };
    let RevocationPreviewResponse { sessions, .. } = execute(configuration, command).await?;
    Ok(Some(format!(
        "all credentials {whose} will be revoked: {}, and every token issued so far will be rejected. The users must log \
         in again.",
        ends(sessions)
    )))
}

/// `3 active sessions will end`.
fn ends(sessions: u64) -> String {
    format!("{} will end", count(sessions, "active session"))
}

/// What ends with a key.
///
/// # Errors
///
/// If there is no such key.
pub(crate) async fn consequences_for_key(
    configuration: &Configuration,
    kid: &str,
) -> Result<String, CliError> {
    let command = operator::Command::RevocationPreview { subject: format!("key:{kid}") };
    let _: RevocationPreviewResponse = execute(configuration, command).await?;
    let rotate = configuration.command("key rotate");
    Ok(format!(
        "the key {kid} will be revoked for good: every access token that it signed will be rejected, also by services that \
         fetch the key set. If it is the current key, the next key will sign. To replace a key that is not stolen: {rotate}"
    ))
}
