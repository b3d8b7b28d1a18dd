//! `counterfoil user`: who may sign in.

use clap::{Args, Subcommand};
use counterfoil::operator::{self, UserChangeRequest};
use serde_json::Value;

use crate::commands::import;
use crate::commands::page::PageOptions;
use crate::configuration::Configuration;
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
    /// Locks a user out. All that they hold is dead at once.
    Disable(Whom),
    /// Lets a user in again. What they held before stays dead.
    Enable(Whom),
    /// Sets a user's password, and ends all their sessions.
    Passwd(Passwd),
    /// Gives a user other roles in the place of those they have. Their access tokens are dead at once; their
    /// sessions go on.
    Roles(Roles),
    /// Deletes a user and all that is known of them. The journal keeps their id.
    Delete(Whom),
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

/// A user.
#[derive(Args)]
pub(crate) struct Whom {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
}

/// Whose password to set.
#[derive(Args)]
pub(crate) struct Passwd {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    #[command(flatten)]
    password: NewPassword,
}

/// Which roles to give.
#[derive(Args)]
pub(crate) struct Roles {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    /// The roles; `admin` makes an administrator. None at all where none is named.
    roles: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    match command {
        Command::Add(options) => add(common, options).await,
        Command::List(page) => list(common, page).await,
        Command::Disable(Whom { user }) => {
            let change = UserChangeRequest { disabled: Some(true), ..UserChangeRequest::default() };
            alter(common, user, change, "disabled").await
        }
        Command::Enable(Whom { user }) => {
            let change = UserChangeRequest { disabled: Some(false), ..UserChangeRequest::default() };
            alter(common, user, change, "enabled").await
        }
        Command::Passwd(options) => passwd(common, options).await,
        Command::Roles(Roles { user, roles }) => {
            let change = UserChangeRequest { roles: Some(roles), ..UserChangeRequest::default() };
            alter(common, user, change, "changed").await
        }
        Command::Delete(Whom { user }) => {
            let answer = administer(common, operator::Command::UserDelete { user }).await?;
            show::say(&format!("deleted {}", cell(&answer, "id")))
        }
        Command::Import(options) => import::run(common, options).await,
    }
}

async fn add(common: &Configuration, options: Add) -> Result<(), Fault> {
    let password = options.password.read()?;
    let Add { username, email, roles, .. } = options;
    let answer = administer(common, operator::Command::UserAdd { username, password, email, roles }).await?;
    if options.json {
        return show::json(&answer["user"]);
    }
    say_done("added", &answer["user"])
}

async fn alter(common: &Configuration, user: String, change: UserChangeRequest, done: &str) -> Result<(), Fault> {
    let answer = administer(common, operator::Command::UserChange { user, change }).await?;
    say_done(done, &answer["user"])
}

async fn passwd(common: &Configuration, Passwd { user, password }: Passwd) -> Result<(), Fault> {
    let password = password.read()?;
    let answer = administer(common, operator::Command::UserPassword { user, password }).await?;
    say_done("changed", &answer["user"])
}

fn say_done(done: &str, user: &Value) -> Result<(), Fault> {
    show::say(&format!("{done} {} ({})", printable(&cell(user, "username")), cell(user, "id")))
}

async fn list(common: &Configuration, page: PageOptions) -> Result<(), Fault> {
    let command = operator::Command::UserList { after: page.after.clone(), limit: Some(page.limit) };
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
