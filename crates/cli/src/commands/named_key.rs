//! What the keys of programs and of services have in common: a key is added with a display name, printed once, and removed.

use clap::Args;
use counterfoil::operator::{Command, DeletedResponse};
use counterfoil_jose::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};

/// The options of `admin-key add` and `verifier add`.
#[derive(Args)]
pub(crate) struct AddOptions {
    /// A display name: the program, the service or the person that uses the key.
    name: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// The options of `admin-key remove` and `verifier remove`.
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

impl AddOptions {
    /// Creates the key with the command for its name, and prints only the key, so that it can be piped.
    ///
    /// # Errors
    ///
    /// If the name is refused, or the store or the server cannot be reached.
    pub(crate) async fn run<T: Serialize + DeserializeOwned>(
        self,
        configuration: &Configuration,
        command: impl FnOnce(String) -> Command,
        key: impl FnOnce(&T) -> &Secret<String>,
    ) -> Result<(), CliError> {
        let created: T = execute(configuration, command(self.name)).await?;
        if self.json { print_json(&created) } else { print_line(key(&created).expose()) }
    }
}

impl RemoveOptions {
    /// Removes the key with the command for its id or name.
    ///
    /// # Errors
    ///
    /// If there is no such key, or the store or the server cannot be reached.
    pub(crate) async fn run(
        self,
        configuration: &Configuration,
        command: impl FnOnce(String) -> Command,
    ) -> Result<(), CliError> {
        let removed: DeletedResponse = execute(configuration, command(self.id)).await?;
        if self.json { print_json(&removed) } else { print_line(&format!("removed {}", removed.id)) }
    }
}
