//! `counterfoil verifier`: keys with which resource servers follow the revocation feed.

use clap::Subcommand;
use counterfoil::operator::{self, CreatedVerifierKeyResponse, ListResponse, VerifierKeyView, VerifierView};
use serde::Serialize;

use crate::admin_client::AdminConnection;
use crate::commands::named_key::{AddOptions, RemoveOptions};
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::error::CliError;
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

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(options) => {
            let command = |name| operator::Command::VerifierKeyAdd { name };
            options.run(configuration, command, |created: &CreatedVerifierKeyResponse| &created.key).await
        }
        Command::List(page) => list(configuration, page).await,
        Command::Remove(options) => {
            options.run(configuration, |id| operator::Command::VerifierKeyRemove { id }).await
        }
    }
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
