//! `counterfoil session`: lists and revokes sessions.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use counterfoil::operator::{self, AdminSessionView, ListResponse, RevokedResponse};
use counterfoil_core::model::session::Mode;

use crate::admin_client::execute;
use crate::argument_value::ip_address;
use crate::commands::pagination::{PageOptions, parse_user};
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::{Column, cell, distance};

/// The commands for sessions.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the active sessions of all users, or of one user, the newest first.
    List(ListOptions),
    /// Revokes one session, or all sessions of a user. Their credentials are invalid at once.
    Revoke(RevokeOptions),
}

/// The options of `session list`.
#[derive(Args)]
pub(crate) struct ListOptions {
    /// Only sessions of this user, by name or by id.
    #[arg(value_name = "USER", allow_hyphen_values = true, conflicts_with = "user", value_parser = parse_user)]
    name: Option<String>,
    /// The same as USER.
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
    /// Only sessions that were last used from this IP address.
    #[arg(long, value_parser = ip_address)]
    ip: Option<IpAddr>,
    /// Only sessions in this mode: session, jwt or hybrid.
    #[arg(long, value_parser = parse_mode)]
    mode: Option<Mode>,
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

fn parse_mode(text: &str) -> Result<Mode, String> {
    Mode::from_name(text).ok_or_else(|| "must be session, jwt or hybrid".to_owned())
}

async fn list(configuration: &Configuration, options: ListOptions) -> Result<(), CliError> {
    let ListOptions { name, user, ip, mode, page } = options;
    let (user, after, limit) = (user.or(name), page.after.clone(), Some(page.limit));
    let command = operator::Command::SessionList { user, ip, mode, after, limit };
    let list: ListResponse<AdminSessionView> = execute(configuration, command).await?;
    let columns = [
        Column::from("id"),
        Column::cut("user"),
        Column::from("mode"),
        Column::cut("client").optional(4),
        Column::cut("label").optional(3),
        Column::from("ip"),
        Column::cut("user agent"),
        Column::from("created").optional(1),
        Column::from("last seen"),
        Column::from("idle expiry").optional(2),
        Column::from("expires"),
    ];
    page.print(&list, columns, |AdminSessionView { session, user, username, .. }| {
        [
            session.id.clone(),
            cell(username.as_ref().or(Some(user))),
            session.mode.as_str().to_owned(),
            session.client_id.clone(),
            cell(session.label.as_ref()),
            cell(session.ip.as_ref()),
            cell(session.user_agent.as_ref()),
            distance(session.created_at),
            distance(session.seen_at),
            distance(session.idle_expires_at),
            distance(session.expires_at),
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
