//! `counterfoil admin-key`: the keys that programs administer with.

use clap::{Args, Subcommand};
use counterfoil::operator;

use crate::admin_client::execute;
use crate::commands::pagination::print_list;
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::table::{self, cell, time};

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
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(Add { name, json }) => add(common, name, json).await,
        Command::List(List { json }) => list(common, json).await,
        Command::Remove(Remove { id }) => {
            let answer = execute(common, operator::Command::AdminKeyRemove { id }).await?;
            table::print_line(&format!("removed {}", cell(&answer, "id")))
        }
    }
}

/// The key alone on its line, so that it can be piped.
async fn add(common: &Configuration, name: String, is_json: bool) -> Result<(), CliError> {
    let answer = execute(common, operator::Command::AdminKeyAdd { name }).await?;
    if is_json {
        return table::print_json(&answer);
    }
    table::print_line(&cell(&answer, "key"))
}

async fn list(common: &Configuration, is_json: bool) -> Result<(), CliError> {
    let answer = execute(common, operator::Command::AdminKeyList {}).await?;
    print_list(&answer, "admin_keys", is_json, ["id", "name", "made by", "created"], |key| {
        [cell(key, "id"), cell(key, "name"), cell(key, "made_by"), time(key, "created_at")]
    })
}
