//! `counterfoil key`: the keys that sign access tokens.

use clap::{Args, Subcommand};
use counterfoil::admin::{self, RevocationForm, Wait};

use crate::commands::page::show_all;
use crate::configuration::Common;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell, time};

/// What to do with signing keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the signing keys that there are or were.
    List(List),
    /// Makes a new key that signs from now on. What the one before it signed is still good.
    Rotate(Rotate),
    /// Revokes a key: nothing that it ever signed is good. If it signs now, a new one does from here on.
    Revoke(Revoke),
}

/// How to list.
#[derive(Args)]
pub(crate) struct List {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// When to rotate.
#[derive(Args)]
pub(crate) struct Rotate {
    /// At once, which is how it is done without saying so too: a service that keeps our public keys fetches them
    /// again when it sees a new one.
    #[arg(long)]
    now: bool,
}

/// Which key.
#[derive(Args)]
pub(crate) struct Revoke {
    /// The key's id (`kid`).
    kid: String,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, command: Command) -> Result<(), Fault> {
    match command {
        Command::List(List { json }) => list(common, json).await,
        Command::Rotate(Rotate { now: _ }) => {
            let answer = administer(common, admin::Command::KeyRotate {}).await?;
            show::say(&format!("{} signs from now on", cell(&answer, "id")))
        }
        Command::Revoke(Revoke { kid }) => {
            let subject = format!("key:{kid}");
            let form = RevocationForm { subject, reason: None, wait: Wait::None };
            administer(common, admin::Command::Revoke(form)).await?;
            show::say(&format!("revoked {kid}"))
        }
    }
}

async fn list(common: &Common, is_json: bool) -> Result<(), Fault> {
    let answer = administer(common, admin::Command::KeyList {}).await?;
    show_all(&answer, "keys", is_json, ["id", "algorithm", "state", "created", "changed"], |key| {
        [
            cell(key, "id"),
            cell(key, "algorithm"),
            cell(key, "state"),
            time(key, "created_at"),
            time(key, "changed_at"),
        ]
    })
}
