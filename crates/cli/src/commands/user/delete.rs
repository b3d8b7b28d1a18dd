//! `counterfoil user delete`: deletes a user, after a confirmation.

use clap::Args;
use counterfoil::operator::{self, DeletedResponse, RevocationPreviewResponse, UserDetailsResponse};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::confirmation::{Confirmation, count};
use crate::error::CliError;
use crate::output::{print_json, print_line};

/// The options of `user delete`.
#[derive(Args)]
pub(crate) struct DeleteOptions {
    /// The user, by name or by id.
    #[arg(allow_hyphen_values = true)]
    user: String,
    #[command(flatten)]
    confirmation: Confirmation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, options: DeleteOptions) -> Result<(), CliError> {
    let DeleteOptions { mut user, confirmation, json, .. } = options;
    if !confirmation.is_given() {
        // The id from here on: the user who was shown is the one who is deleted.
        let (id, consequences) = consequences(configuration, user).await?;
        confirmation.ask(&consequences, "Delete this user?")?;
        user = id;
    }
    let deleted: DeletedResponse = execute(configuration, operator::Command::UserDelete { user }).await?;
    if json { print_json(&deleted) } else { print_line(&format!("deleted {}", deleted.id)) }
}

/// The id of the user, and what ends with them.
async fn consequences(configuration: &Configuration, user: String) -> Result<(String, String), CliError> {
    let show = operator::Command::UserShow { user, ip: None };
    let UserDetailsResponse { user, .. } = execute(configuration, show).await?;
    let (id, name) = (user.user.id, user.user.username);
    let preview = operator::Command::RevocationPreview { subject: format!("user:{id}") };
    let RevocationPreviewResponse { sessions, admin_keys, .. } = execute(configuration, preview).await?;
    let mut ends = format!("{} with their data", count(sessions, "active session"));
    if admin_keys > 0 {
        ends += &format!(", {}", count(admin_keys, "admin key"));
    }
    let disable = configuration.command(&format!("user disable {id}"));
    let text = format!(
        "the user {name} ({id}) will be deleted for good, and with them: {ends}.\n\
         To keep the account and end its access instead: {disable}"
    );
    Ok((id, text))
}
