//! `counterfoil node`: the servers that serve from one PostgreSQL store.

use clap::Subcommand;
use counterfoil::operator::{self, ListResponse, NodeView};

use crate::admin_client::execute;
use crate::commands::pagination::PageOptions;
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::table::Column;

/// The commands for nodes.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the nodes by id, with how far each has followed the revocation log. With a SQLite store there are none.
    List(PageOptions),
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::List(page) => list(configuration, page).await,
    }
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let command = operator::Command::NodeList { after: page.after.clone(), limit: Some(page.limit) };
    let list: ListResponse<NodeView> = execute(configuration, command).await?;
    let columns = [
        Column::from("id"),
        Column::cut("name"),
        Column::from("state"),
        Column::from("applied"),
        Column::from("confirmed"),
        Column::from("renewals").optional(1),
        Column::from("lease").optional(2),
    ];
    page.print(&list, columns, |node| {
        let this = if node.is_this { " (this)" } else { "" };
        [
            node.id.clone(),
            node.name.clone(),
            format!("{}{this}", node.state),
            node.applied.to_string(),
            node.confirmed.to_string(),
            node.renewals.to_string(),
            format!("{} ms", node.lease_ms),
        ]
    })
}
