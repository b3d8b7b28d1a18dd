//! `counterfoil verifier`: keys with which resource servers follow the revocation feed.

use clap::{Args, Subcommand};
use counterfoil::operator::{
    self, CreatedVerifierKeyResponse, DeletedResponse, ListResponse, VerifierKeyView, VerifierView,
};
use serde::Serialize;

use crate::admin_client::{AdminConnection, execute};
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::table::{Column, rfc3339};

/// The commands for verifier keys.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates a key and prints it. The secret is shown only this once.
    Add(AddOptions),
    /// Lists the keys, without their secrets, and the processes that follow the feed with them.
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
            let command = operator::Command::VerifierKeyRemove { id };
            let removed: DeletedResponse = execute(configuration, command).await?;
            if json { print_json(&removed) } else { print_line(&format!("removed {}", removed.id)) }
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

/// The keys of a page, and the processes that follow the feed with them.
#[derive(Serialize)]
struct KeysAndVerifiers {
    verifier_keys: Vec<VerifierKeyView>,
    verifiers: Vec<VerifierView>,
    next: Option<String>,
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let connection = AdminConnection::open(configuration, false).await?;
    let listed = list_all(&connection, &page).await;
    let closed = connection.close().await;
    let listed = listed?;
    closed?;
    let mut rows = Vec::new();
    for key in &listed.verifier_keys {
        let of_key: Vec<_> = listed.verifiers.iter().filter(|verifier| verifier.key_id == key.id).collect();
        rows.extend(of_key.iter().map(|verifier| (key, Some(*verifier))));
        if of_key.is_empty() {
            rows.push((key, None));
        }
    }
    let columns = [
        Column::from("id"),
        Column::cut("name"),
        Column::from("created").optional(1),
        Column::cut("instance"),
        Column::from("state"),
        Column::from("lag"),
        Column::from("lease left"),
    ];
    let named_rows = ("verifier_keys", &rows[..]);
    page.print_records(&listed, named_rows, listed.next.as_deref(), columns, |(key, verifier)| {
        let of = |text: fn(&VerifierView) -> String| verifier.map_or_else(|| "-".to_owned(), text);
        [
            key.id.clone(),
            key.name.clone(),
            rfc3339(key.created_at),
            of(|verifier| verifier.instance.clone()),
            of(|verifier| verifier.state.clone()),
            of(|verifier| format!("{} ({} ms)", verifier.lag_entries, verifier.lag_ms)),
            of(|verifier| format!("{} ms", verifier.lease_left_ms)),
        ]
    })
}

/// A page of keys, and every verifier with one of them.
async fn list_all(connection: &AdminConnection, page: &PageOptions) -> Result<KeysAndVerifiers, CliError> {
    let command = operator::Command::VerifierKeyList { after: page.after.clone(), limit: Some(page.limit) };
    let keys: ListResponse<VerifierKeyView> = connection.execute(command).await?;
    let (mut verifiers, mut after) = (Vec::new(), None);
    loop {
        let command = operator::Command::VerifierList { after, limit: Some(1_000) };
        let list: ListResponse<VerifierView> = connection.execute(command).await?;
        verifiers.extend(list.items);
        after = list.next;
        if after.is_none() {
            break;
        }
    }
    verifiers.retain(|verifier| keys.items.iter().any(|key| key.id == verifier.key_id));
    Ok(KeysAndVerifiers { verifier_keys: keys.items, verifiers, next: keys.next })
}
