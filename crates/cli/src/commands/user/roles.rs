//! `counterfoil user roles`: shows and changes the roles of a user.

use clap::Args;
use counterfoil::operator::{
    self, AdminUserView, UserChangeRequest, UserDetailsResponse, UserResponse, UserView,
};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::escape::escape_controls;
use crate::output::{print_json, print_line};

/// The options of `user roles`.
#[derive(Args)]
pub(crate) struct RolesOptions {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    /// The new roles, instead of all that the user has; `admin` makes an administrator. Without any, and without an
    /// option that changes them, the roles are shown.
    #[arg(conflicts_with_all = ["add", "remove", "clear"])]
    roles: Vec<String>,
    /// Give the user this role as well; may be given several times.
    #[arg(long, value_name = "ROLE")]
    add: Vec<String>,
    /// Take this role from the user; may be given several times.
    #[arg(long, value_name = "ROLE")]
    remove: Vec<String>,
    /// Take all roles from the user.
    #[arg(long, conflicts_with_all = ["add", "remove"])]
    clear: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, options: RolesOptions) -> Result<(), CliError> {
    let (user, json) = (options.user.clone(), options.json);
    let user = match options.change() {
        None => {
            let command = operator::Command::UserShow { user, ip: None };
            let UserDetailsResponse { user, .. } = execute(configuration, command).await?;
            user
        }
        Some(change) => {
            let command = operator::Command::UserChange { user, change };
            let UserResponse { user, .. } = execute(configuration, command).await?;
            user
        }
    };
    if json { print_json(&user) } else { print_line(&escape_controls(&text(&user))) }
}

impl RolesOptions {
    /// The change; `None` if the roles are shown.
    fn change(self) -> Option<UserChangeRequest> {
        let Self { roles, add: add_roles, remove: remove_roles, clear, .. } = self;
        let roles = (clear || !roles.is_empty()).then_some(roles);
        let is_change = roles.is_some() || !add_roles.is_empty() || !remove_roles.is_empty();
        is_change.then(|| UserChangeRequest {
            roles,
            add_roles,
            remove_roles,
            ..UserChangeRequest::default()
        })
    }
}

/// `ada (ID): admin editor`.
fn text(user: &AdminUserView) -> String {
    let UserView { username, id, roles, .. } = &user.user;
    let roles = if roles.is_empty() { "no roles".to_owned() } else { roles.join(" ") };
    format!("{username} ({id}): {roles}")
}
