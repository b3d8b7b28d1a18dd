//! `counterfoil session`: lists and revokes sessions.

use clap::{Args, Subcommand};
use counterfoil::operator::{self, ListResponse, RevokedResponse, SessionView};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::{cell, rfc3339};

/// The commands for sessions.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the active sessions of a user, the newest first.
    List(ListOptions),
    /// Revokes one session, or all sessions of a user. Their credentials are invalid at once.
    Revoke(RevokeOptions),
}

/// The options of `session list`.
#[derive(Args)]
pub(crate) struct ListOptions {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    #[command(flatten)]
    page: PageOptions,
}

/// The options of `session revoke`.
#[derive(Args)]
pub(crate) struct RevokeOptions {
    #[command(flatten)]
    sessions: RevokedSessions,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The sessions to revoke: one, or those of a user.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct RevokedSessions {
    // One in 64 ids begins with a hyphen.
    /// The id of the session.
    #[arg(allow_hyphen_values = true)]
    id: Option<String>,
    /// All sessions of this user, by name or by id.
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::List(options) => list(configuration, options).await,
        Command::Revoke(options) => revoke(configuration, options).await,
    }
}

async fn list(configuration: &Configuration, options: ListOptions) -> Result<(), CliError> {
    let ListOptions { user, page } = options;
    let command = operator::Command::SessionList { user, after: page.after.clone(), limit: Some(page.limit) };
    let list: ListResponse<SessionView> = execute(configuration, command).await?;
    let header = [
        "id",
        "mode",
        "client",
        "label",
        "ip",
        "user agent",
        "created",
        "last seen",
        "idle expiry",
        "expires",
    ];
    page.print(&list, header, |session| {
        [
            session.id.clone(),
            session.mode.as_str().to_owned(),
            session.client_id.clone(),
            cell(session.label.as_ref()),
            cell(session.ip.as_ref()),
            cell(session.user_agent.as_ref()),
            rfc3339(session.created_at),
            rfc3339(session.seen_at),
            rfc3339(session.idle_expires_at),
            rfc3339(session.expires_at),
        ]
    })
}

async fn revoke(configuration: &Configuration, options: RevokeOptions) -> Result<(), CliError> {
    let command = match (options.sessions.id, options.sessions.user) {
        (Some(id), None) => operator::Command::SessionRevoke { id },
        (None, Some(user)) => operator::Command::SessionRevokeAll { user },
        (None, None) | (Some(_), Some(_)) => {
            return Err(CliError::usage("the argument must be one session, or --user"));
        }
    };
    let answer: RevokedResponse = execute(configuration, command).await?;
    if options.json { print_json(&answer) } else { print_line(&format!("revoked {}", answer.revoked)) }
}
