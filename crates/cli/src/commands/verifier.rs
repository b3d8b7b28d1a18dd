//! `counterfoil verifier`: keys with which resource servers follow the revocation feed.

use clap::{Args, Subcommand};
use counterfoil::operator::{
    self, CreatedVerifierKeyResponse, DeletedResponse, ListResponse, VerifierKeyView,
};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::rfc3339;

/// The commands for verifier keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates a key and prints it. The secret is shown only this once.
    Add(AddOptions),
    /// Lists the keys, without their secrets.
    List(PageOptions),
    /// Removes a key: no service can follow the feed with it any more.
    Remove(RemoveOptions),
}

/// The options of `verifier add`.
#[derive(Args)]
pub(crate) struct AddOptions {
    /// A display name: the service that uses the key.
    name: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `verifier remove`.
#[derive(Args)]
pub(crate) struct RemoveOptions {
    /// The id of the key.
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(AddOptions { name, json, .. }) => add(configuration, name, json).await,
        Command::List(page) => list(configuration, page).await,
        Command::Remove(RemoveOptions { id, .. }) => {
            let command = operator::Command::VerifierKeyRemove { id };
            let DeletedResponse { id, .. } = execute(configuration, command).await?;
            print_line(&format!("removed {id}"))
        }
    }
}

/// Prints only the key, so that it can be piped.
async fn add(configuration: &Configuration, name: String, is_json: bool) -> Result<(), CliError> {
    let command = operator::Command::VerifierKeyAdd { name };
    let created: CreatedVerifierKeyResponse = execute(configuration, command).await?;
    if is_json {
        return print_json(&created);
    }
    print_line(created.key.expose())
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let command = operator::Command::VerifierKeyList { after: page.after.clone(), limit: Some(page.limit) };
    let list: ListResponse<VerifierKeyView> = execute(configuration, command).await?;
    page.print(&list, ["id", "name", "created"], |key| {
        [key.id.clone(), key.name.clone(), rfc3339(key.created_at)]
    })
}
