//! `counterfoil admin-key`: the keys that programs administer with.

use clap::{Args, Subcommand};
use counterfoil::operator;

use crate::commands::page::show_all;
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell, time};

/// What to do with admin keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a key, and prints it: the one time that its secret is there.
    Add(Add),
    /// Lists the keys, without their secrets.
    List(List),
    /// Removes a key: it opens nothing from now on.
    Remove(Remove),
}

/// Whose key.
#[derive(Args)]
pub(crate) struct Add {
    /// Who will have it: a program, or a person.
    name: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// How to list.
#[derive(Args)]
pub(crate) struct List {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Which key.
#[derive(Args)]
pub(crate) struct Remove {
    /// The key's id.
    #[arg(allow_hyphen_values = true)]
    id: String,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    match command {
        Command::Add(Add { name, json }) => add(common, name, json).await,
        Command::List(List { json }) => list(common, json).await,
        Command::Remove(Remove { id }) => {
            let answer = administer(common, operator::Command::AdminKeyRemove { id }).await?;
            show::say(&format!("removed {}", cell(&answer, "id")))
        }
    }
}

/// The key alone on its line, so that it can be piped.
async fn add(common: &Configuration, name: String, is_json: bool) -> Result<(), Fault> {
    let answer = administer(common, operator::Command::AdminKeyAdd { name }).await?;
    if is_json {
        return show::json(&answer);
    }
    show::say(&cell(&answer, "key"))
}

async fn list(common: &Configuration, is_json: bool) -> Result<(), Fault> {
    let answer = administer(common, operator::Command::AdminKeyList {}).await?;
    show_all(&answer, "admin_keys", is_json, ["id", "name", "made by", "created"], |key| {
        [cell(key, "id"), cell(key, "name"), cell(key, "created_by"), time(key, "created_at")]
    })
}
