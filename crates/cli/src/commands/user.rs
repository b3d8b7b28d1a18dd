//! `counterfoil user`: adds, shows, lists, changes, imports and deletes users.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use counterfoil::operator::{
    self, AdminUserView, ListResponse, UserChangeRequest, UserDetailsResponse, UserResponse, UserView,
};

use crate::admin_client::execute;
use crate::argument_value::ip_address;
use crate::commands::pagination::PageOptions;
use crate::commands::rate_limit::print_counters;
use crate::commands::user_import;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};
use crate::secret_input::NewPassword;
use crate::table::{Column, cell, rfc3339, time};

mod delete;
mod roles;

/// The commands for users.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a user, also if registration is closed.
    Add(AddOptions),
    /// Lists users by name.
    List(PageOptions),
    /// Shows a user, and what the rate limits count for them: why a login is rejected, and until when.
    Show(ShowOptions),
    /// Disables a user and revokes all their credentials at once.
    Disable(UserArgument),
    /// Enables a user again. Their earlier credentials stay revoked.
    Enable(UserArgument),
    /// Sets a user's password and ends all their sessions.
    Passwd(PasswdOptions),
    /// Shows or changes a user's roles. After a change their access tokens are invalid at once; their sessions stay active.
    Roles(roles::RolesOptions),
    /// Deletes a user and all their data, after a confirmation. The audit log keeps their id.
    Delete(delete::DeleteOptions),
    /// Imports users of another system, with their password hashes.
    Import(user_import::Options),
}

/// The options of `user add`.
#[derive(Args)]
pub(crate) struct AddOptions {
    /// The name to log in with.
    username: String,
    /// An e-mail address; it is stored as unverified.
    #[arg(long)]
    email: Option<String>,
    /// A role; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    password: NewPassword,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// A user as the only argument.
#[derive(Args)]
pub(crate) struct UserArgument {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `user show`.
#[derive(Args)]
pub(crate) struct ShowOptions {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    /// Show also what is counted for the user from this client IP. Other IPs cannot be listed: only hashes are stored.
    #[arg(long, value_name = "IP", value_parser = ip_address)]
    ip: Option<IpAddr>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `user passwd`.
#[derive(Args)]
pub(crate) struct PasswdOptions {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    #[command(flatten)]
    password: NewPassword,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Add(options) => add(configuration, options).await,
        Command::List(page) => list(configuration, page).await,
        Command::Show(options) => show(configuration, options).await,
        Command::Disable(options) => {
            let change = UserChangeRequest { disabled: Some(true), ..UserChangeRequest::default() };
            update(configuration, options, change, "disabled").await
        }
        Command::Enable(options) => {
            let change = UserChangeRequest { disabled: Some(false), ..UserChangeRequest::default() };
            update(configuration, options, change, "enabled").await
        }
        Command::Passwd(options) => set_password(configuration, options).await,
        Command::Roles(options) => roles::run(configuration, options).await,
        Command::Delete(options) => delete::run(configuration, options).await,
        Command::Import(options) => user_import::run(configuration, options).await,
    }
}

async fn add(configuration: &Configuration, options: AddOptions) -> Result<(), CliError> {
    let password = options.password.read()?;
    let AddOptions { username, email, roles, .. } = options;
    let command = operator::Command::UserAdd { username, password, email, roles };
    let UserResponse { user, .. } = execute(configuration, command).await?;
    print_done("added", &user, options.json)
}

async fn show(configuration: &Configuration, options: ShowOptions) -> Result<(), CliError> {
    let command = operator::Command::UserShow { user: options.user, ip: options.ip };
    let details: UserDetailsResponse = execute(configuration, command).await?;
    if options.json {
        return print_json(&details);
    }
    let UserView { id, username, email, roles, created_at, password_change_required, .. } =
        &details.user.user;
    let roles = if roles.is_empty() { "-".to_owned() } else { roles.join(" ") };
    let temporary = password_change_required.then(|| ("password", "temporary, to be changed".to_owned()));
    let lines = [
        ("id", id.clone()),
        ("username", username.clone()),
        ("email", cell(email.as_ref())),
        ("roles", roles),
        ("created", rfc3339(*created_at)),
        ("disabled", time(details.user.disabled_at)),
    ];
    for (name, value) in lines.into_iter().chain(temporary) {
        print_line(&escape_controls(&format!("{name:9} {value}")))?;
    }
    print_line("")?;
    print_counters(&details.rate_limits)
}

async fn update(
    configuration: &Configuration,
    options: UserArgument,
    change: UserChangeRequest,
    done: &str,
) -> Result<(), CliError> {
    let command = operator::Command::UserChange { user: options.user, change };
    let UserResponse { user, .. } = execute(configuration, command).await?;
    print_done(done, &user, options.json)
}

async fn set_password(configuration: &Configuration, options: PasswdOptions) -> Result<(), CliError> {
    let password = options.password.read()?;
    let command = operator::Command::UserPassword { user: options.user, password };
    let UserResponse { user, .. } = execute(configuration, command).await?;
    print_done("changed", &user, options.json)
}

fn print_done(done: &str, user: &AdminUserView, is_json: bool) -> Result<(), CliError> {
    if is_json {
        return print_json(user);
    }
    let UserView { username, id, .. } = &user.user;
    print_line(&format!("{done} {} ({id})", escape_controls(username)))
}

async fn list(configuration: &Configuration, page: PageOptions) -> Result<(), CliError> {
    let command = operator::Command::UserList { after: page.after.clone(), limit: Some(page.limit) };
    let list: ListResponse<AdminUserView> = execute(configuration, command).await?;
    let columns = [
        Column::from("id"),
        Column::cut("username"),
        Column::cut("email"),
        Column::cut("roles"),
        Column::from("created").optional(1),
        Column::from("disabled"),
    ];
    page.print(&list, columns, |row| {
        let UserView { id, username, email, roles, created_at, .. } = &row.user;
        [
            id.clone(),
            username.clone(),
            cell(email.as_ref()),
            roles.join(" "),
            rfc3339(*created_at),
            time(row.disabled_at),
        ]
    })
}
