//! `counterfoil admin-key`: keys with which programs use the administration API.

use clap::Subcommand;
use counterfoil::operator::{self, AdminKeyView, CreatedAdminKeyResponse, ListResponse};

use crate::admin_client::execute;
use crate::commands::named_key::{AddOptions, RemoveOptions};
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::error::CliError;
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

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(options) => {
            let command = |name| operator::Command::AdminKeyAdd { name };
            options.run(configuration, command, |created: &CreatedAdminKeyResponse| &created.key).await
        }
        Command::List(page) => list(configuration, page).await,
        Command::Remove(options) => {
            options.run(configuration, |id| operator::Command::AdminKeyRemove { id }).await
        }
    }
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
