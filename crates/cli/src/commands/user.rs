//! `counterfoil user`: who may sign in.

use clap::{Args, Subcommand};
use counterfoil::admin;

use crate::commands::import;
use crate::commands::page::PageOptions;
use crate::configuration::Common;
use crate::fault::Fault;
use crate::operate::administer;
use crate::printable::printable;
use crate::secret_input::NewPassword;
use crate::show::{self, cell, time};

/// What to do with users.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a user; also where registration is closed.
    Add(Add),
    /// Lists users by name.
    List(PageOptions),
    /// Brings in users of another system, with the hashes of their passwords.
    Import(import::Options),
}

/// Whom to add.
#[derive(Args)]
pub(crate) struct Add {
    /// The name to sign in with.
    username: String,
    /// An address, kept as claimed.
    #[arg(long)]
    email: Option<String>,
    /// A role; may be given more than once.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    password: NewPassword,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, command: Command) -> Result<(), Fault> {
    match command {
        Command::Add(options) => add(common, options).await,
        Command::List(page) => list(common, page).await,
        Command::Import(options) => import::run(common, options).await,
    }
}

async fn add(common: &Common, options: Add) -> Result<(), Fault> {
    let password = options.password.read()?;
    let Add { username, email, roles, .. } = options;
    let answer = administer(common, admin::Command::UserAdd { username, password, email, roles }).await?;
    if options.json {
        return show::json(&answer["user"]);
    }
    let user = &answer["user"];
    show::say(&format!("added {} ({})", printable(&cell(user, "username")), cell(user, "id")))
}

async fn list(common: &Common, page: PageOptions) -> Result<(), Fault> {
    let command = admin::Command::UserList { after: page.after.clone(), limit: Some(page.limit) };
    let answer = administer(common, command).await?;
    page.show(&answer, "users", ["id", "username", "email", "roles", "created", "disabled"], |user| {
        [
            cell(user, "id"),
            cell(user, "username"),
            cell(user, "email"),
            cell(user, "roles"),
            time(user, "created_at"),
            time(user, "disabled_at"),
        ]
    })
}
