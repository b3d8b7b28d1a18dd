//! `counterfoil admin-key`: keys with which programs use the administration API.

use clap::{Args, Subcommand};
use counterfoil::operator::{self, AdminKeyView, CreatedAdminKeyResponse, DeletedResponse, ListResponse};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::{Column, rfc3339};

/// The commands for admin keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates a key and prints it. The secret is shown only this once.
    Add(AddOptions),
    /// Lists the keys, without their secrets.
    List(PageOptions),
    /// Removes a key; it is invalid at once.
    Remove(RemoveOptions),
}

/// The options of `admin-key add`.
#[derive(Args)]
pub(crate) struct AddOptions {
    /// A display name: the program or the person that uses the key.
    name: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `admin-key remove`.
#[derive(Args)]
pub(crate) struct RemoveOptions {
    /// The key, by its id or by its name, if no other key has that name.
    #[arg(allow_hyphen_values = true)]
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(AddOptions { name, json, .. }) => add(configuration, name, json).await,
        Command::List(page) => list(configuration, page).await,
        Command::Remove(RemoveOptions { id, json, .. }) => {
            let command = operator::Command::AdminKeyRemove { id };
            let removed: DeletedResponse = execute(configuration, command).await?;
            if json { print_json(&removed) } else { print_line(&format!("removed {}", removed.id)) }
        }
    }
}

/// Prints only the key, so that it can be piped.
async fn add(configuration: &Configuration, name: String, is_json: bool) -> Result<(), CliError> {
    let command = operator::Command::AdminKeyAdd { name };
    let created: CreatedAdminKeyResponse = execute(configuration, command).await?;
    if is_json {
        return print_json(&created);
    }
    print_line(created.key.expose())
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let command = operator::Command::AdminKeyList { after: page.after.clone(), limit: Some(page.limit) };
    let list: ListResponse<AdminKeyView> = execute(configuration, command).await?;
    let columns = [
        Column::from("id"),
        Column::cut("name"),
        Column::from("created by"),
        Column::from("created").optional(1),
    ];
    page.print(&list, columns, |key| {
        [key.id.clone(), key.name.clone(), key.created_by.clone(), rfc3339(key.created_at)]
    })
}
