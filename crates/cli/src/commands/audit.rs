//! `counterfoil audit`: lists events of the audit log, with time, kind, reason and actor.

use clap::{Args, Subcommand};
use counterfoil::operator::{self, AuditEventView, ListResponse};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::table::{cell, rfc3339};

/// The commands for the audit log.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists audit events, the newest first. Those of one session are listed from its login to its end, which
    /// answers "why was I logged out?".
    List(ListOptions),
}

/// The options of `audit list`.
#[derive(Args)]
pub(crate) struct ListOptions {
    /// Only events of this user, by name or by id.
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
    /// Only events of this session, and events that ended all sessions while it was active.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    #[command(flatten)]
    page: PageOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    let Command::List(ListOptions { user, session, page }) = command;
    let (after, limit) = (page.after.clone(), Some(page.limit));
    let command = operator::Command::AuditList { user, session, after, limit };
    let list: ListResponse<AuditEventView> = execute(configuration, command).await?;
    let header = ["time", "event", "reason", "actor", "ip", "user", "session", "detail"];
    page.print(&list, header, |event| {
        [
            rfc3339(event.at),
            event.kind.clone(),
            cell(event.reason.as_ref()),
            event.actor.clone(),
            cell(event.ip.as_ref()),
            cell(event.user.as_ref()),
            cell(event.session.as_ref()),
            cell(event.detail.as_ref()),
        ]
    })
}
