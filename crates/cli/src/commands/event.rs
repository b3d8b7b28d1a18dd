//! `counterfoil event`: what happened, to whom, by whom and why.

use clap::{Args, Subcommand};
use counterfoil::operator;

use crate::commands::page::PageOptions;
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{cell, time};

/// What to do with the journal.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the journal, the newest line first. That of a session is told in its order, from the login to its
    /// end: it answers "why was I logged out?".
    List(List),
}

/// Which lines.
#[derive(Args)]
pub(crate) struct List {
    /// Only of this user, by name or by id.
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
    /// Only of this session, and what ended all sessions while it lived.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    #[command(flatten)]
    page: PageOptions,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    let Command::List(List { user, session, page }) = command;
    let (after, limit) = (page.after.clone(), Some(page.limit));
    let command = operator::Command::AuditList { user, session, after, limit };
    let answer = administer(common, command).await?;
    let header = ["time", "what", "why", "by", "address", "user", "session", "detail"];
    page.show(&answer, "events", header, |event| {
        [
            time(event, "at"),
            cell(event, "text"),
            cell(event, "reason"),
            cell(event, "actor"),
            cell(event, "ip"),
            cell(event, "user"),
            cell(event, "session"),
            cell(event, "detail"),
        ]
    })
}
