//! `counterfoil session`: who is signed in, and the end of it.

use clap::{Args, Subcommand};
use counterfoil::operator;

use crate::commands::page::PageOptions;
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell, time};

/// What to do with sessions.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the live sessions of a user, the newest first.
    List(List),
    /// Ends one session, or all of a user. What they carry is dead at once.
    Revoke(Revoke),
}

/// Whose sessions.
#[derive(Args)]
pub(crate) struct List {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    #[command(flatten)]
    page: PageOptions,
}

/// Which sessions to end.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Revoke {
    /// The session's id. One in sixty-four ids begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    id: Option<String>,
    /// All sessions of this user, by name or by id.
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    match command {
        Command::List(options) => list(common, options).await,
        Command::Revoke(options) => revoke(common, options).await,
    }
}

async fn list(common: &Configuration, List { user, page }: List) -> Result<(), Fault> {
    let command = operator::Command::SessionList { user, after: page.after.clone(), limit: Some(page.limit) };
    let answer = administer(common, command).await?;
    let header = [
        "id",
        "mode",
        "client",
        "label",
        "address",
        "user agent",
        "created",
        "seen",
        "idle until",
        "expires",
    ];
    page.show(&answer, "sessions", header, |session| {
        [
            cell(session, "id"),
            cell(session, "mode"),
            cell(session, "client_id"),
            cell(session, "label"),
            cell(session, "ip"),
            cell(session, "user_agent"),
            time(session, "created_at"),
            time(session, "seen_at"),
            time(session, "idle_expires_at"),
            time(session, "expires_at"),
        ]
    })
}

async fn revoke(common: &Configuration, options: Revoke) -> Result<(), Fault> {
    let command = match (options.id, options.user) {
        (Some(id), None) => operator::Command::SessionRevoke { id },
        (None, Some(user)) => operator::Command::SessionRevokeAll { user },
        (None, None) | (Some(_), Some(_)) => return Err(Fault::usage("name one session, or one user")),
    };
    let answer = administer(common, command).await?;
    show::say(&format!("revoked {}", cell(&answer, "revoked")))
}
