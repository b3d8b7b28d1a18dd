//! Executes an administrative command: in the server that owns the store, or in this process if no server runs.

use std::path::PathBuf;

use counterfoil::operator::{self, AdminError, CallError, Command};
use counterfoil::{App, OpenError, Settings};
use serde_json::Value;

use crate::configuration::Configuration;
use crate::error::CliError;

/// Executes `command` and returns its answer.
///
/// # Errors
///
/// If the command is rejected, or there is no store; only a command that adds a user creates one.
pub(crate) async fn execute(configuration: &Configuration, command: Command) -> Result<Value, CliError> {
    let settings = configuration.settings(configuration.listen)?;
    if configuration.configured_store().is_some() {
        check_server(configuration).await?;
    }
    match operator::call(&configuration.data_dir, &command).await {
        Ok(answer) => Ok(answer),
        Err(CallError::NoServer(_)) => execute_here(settings, command).await,
        Err(CallError::Failed(error)) => Err(error.into()),
        Err(error) => Err(CliError::from_error(&error)),
    }
}

/// A connection for several commands in a row.
pub(crate) enum AdminConnection {
    /// A server owns the store; its admin socket is in this directory.
    Server(PathBuf),
    /// This process owns the store.
    Local(App),
}

impl AdminConnection {
    /// Connects to the server that owns the store, or opens the store if no server runs.
    ///
    /// # Errors
    ///
    /// If the store does not exist and `may_create` is false, or if it cannot be opened.
    pub(crate) async fn open(configuration: &Configuration, may_create: bool) -> Result<Self, CliError> {
        let settings = configuration.settings(configuration.listen)?;
        match operator::call(&configuration.data_dir, &Command::Status {}).await {
            Ok(status) => {
                check_store(configuration, &status)?;
                Ok(Self::Server(configuration.data_dir.clone()))
            }
            Err(CallError::NoServer(_)) if may_create || App::store_exists(&settings) => {
                Ok(Self::Local(App::open(settings).await?))
            }
            Err(CallError::NoServer(_)) => Err(store_missing(&settings)),
            Err(CallError::Failed(error)) => Err(error.into()),
            Err(error) => Err(CliError::from_error(&error)),
        }
    }

    /// Executes `command` and returns its answer.
    pub(crate) async fn execute(&self, command: Command) -> Result<Value, CliError> {
        match self {
            Self::Local(app) => Ok(app.administer(command).await?),
            Self::Server(dir) => match operator::call(dir, &command).await {
                Ok(answer) => Ok(answer),
                Err(CallError::Failed(error)) => Err(error.into()),
                Err(error) => Err(CliError::from_error(&error)),
            },
        }
    }

    /// Closes the store if this process opened it.
    pub(crate) async fn close(self) -> Result<(), CliError> {
        match self {
            Self::Local(app) => app.close().await.map_err(|error| CliError::from_error(&error)),
            Self::Server(_) => Ok(()),
        }
    }
}

/// Checks that a running server has the configured store, so that a command for one store does not change another.
/// If no server answers, the call of the command itself reports that.
async fn check_server(configuration: &Configuration) -> Result<(), CliError> {
    match operator::call(&configuration.data_dir, &Command::Status {}).await {
        Ok(status) => check_store(configuration, &status),
        Err(_) => Ok(()),
    }
}

/// Checks that the configured store, if there is one, is the store of the server with this status.
fn check_store(configuration: &Configuration, status: &Value) -> Result<(), CliError> {
    let Some(configured) = configuration.configured_store().map(|store| store.resolved().to_string()) else {
        return Ok(());
    };
    match status["store"].as_str() {
        Some(served) if served != configured => {
            let dir = configuration.data_dir.display();
            Err(CliError::failure(format!("the server in {dir} has the store {served}, not {configured}"))
                .with_hint("set --data-dir to the directory of the other store, or remove --store"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Opens the store, executes the command, and closes the store.
async fn execute_here(settings: Settings, command: Command) -> Result<Value, CliError> {
    if !App::store_exists(&settings) && !matches!(command, Command::UserAdd { .. }) {
        return Err(store_missing(&settings));
    }
    let app = App::open(settings).await?;
    let answer = app.administer(command).await;
    let closed = app.close().await.map_err(|error| CliError::from_error(&error));
    let answer = answer?;
    closed.map(|()| answer)
}

fn store_missing(settings: &Settings) -> CliError {
    CliError::failure(format!("there is no store at {}", settings.store))
        .with_hint("set --data-dir to its directory; `counterfoil serve` creates a store")
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::from_error(&error).with_optional_hint(error.hint())
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        Self::failure(error.message).with_optional_hint(error.hint)
    }
}
