//! Executes an administrative command: in the server that owns the store, or in this process if no server runs.

use std::path::PathBuf;

use counterfoil::operator::{
    self, AdminError, CallError, Command, FileLocationError, StatusResponse, locate_files,
};
use counterfoil::{App, MasterKeySource, OpenError, Settings};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use crate::configuration::Configuration;
use crate::error::CliError;

/// Executes `command` and returns its answer.
///
/// # Errors
///
/// If the command is rejected, or there is no store; only a command that adds a user creates one.
pub(crate) async fn execute<T: DeserializeOwned>(
    configuration: &Configuration,
    command: Command,
) -> Result<T, CliError> {
    parse(execute_untyped(configuration, command).await?)
}

/// The typed answer.
///
/// # Errors
///
/// If the server is of another version, and answers differently.
pub(crate) fn parse<T: DeserializeOwned>(answer: Value) -> Result<T, CliError> {
    serde_json::from_value(answer).map_err(|error| {
        CliError::with_cause("the answer of the server is not known", &error)
            .with_hint("use the command line of the same version as the server")
    })
}

async fn execute_untyped(configuration: &Configuration, command: Command) -> Result<Value, CliError> {
    let settings = store_settings(configuration)?;
    let may_create = matches!(command, Command::UserAdd { .. }) && configuration.may_create_store();
    let Some(dir) = settings.data_dir.clone() else {
        return execute_here(settings, command, may_create).await;
    };
    if configuration.configured_store().is_some() {
        check_server(configuration).await?;
    }
    match operator::call(&dir, &command).await {
        Ok(answer) => Ok(answer),
        Err(CallError::NoServer(_)) => execute_here(settings, command, may_create).await,
        Err(error) => Err(error.into()),
    }
}

/// The settings with which the store was opened before. A store that is named may be that of an application that embeds
/// it: then its files are next to it, and there is no admin socket.
///
/// # Errors
///
/// If the configuration is not valid, or it is not known which master key belongs to the store.
pub(crate) fn store_settings(configuration: &Configuration) -> Result<Settings, CliError> {
    let settings = configuration.settings(configuration.listen)?;
    if configuration.configured_store().is_none() {
        return Ok(settings);
    }
    match locate_files(settings.clone()) {
        // It has no key yet.
        Err(FileLocationError::Missing { .. }) if !App::store_exists(&settings) => Ok(settings),
        located => located.map_err(|error| CliError::from_error(&error).with_hint(error.hint())),
    }
}

/// A connection for several commands in a row.
pub(crate) enum AdminConnection {
    /// A server owns the store; its admin socket is in this directory.
    Server(PathBuf),
    /// This process owns the store.
    Local(App),
    /// This process owns an empty store in a temporary directory.
    Temporary(App, TempDir),
}

impl AdminConnection {
    /// Connects to the server that owns the store, or opens the store if no server runs.
    ///
    /// # Errors
    ///
    /// If the store does not exist and `may_create` is false, or if it cannot be opened.
    pub(crate) async fn open(configuration: &Configuration, may_create: bool) -> Result<Self, CliError> {
        let settings = store_settings(configuration)?;
        let may_create = may_create && configuration.may_create_store();
        let Some(dir) = settings.data_dir.clone() else {
            return Self::open_here(settings, may_create).await;
        };
        match operator::call(&dir, &Command::Status {}).await {
            Ok(status) => {
                check_store(configuration, status)?;
                Ok(Self::Server(dir))
            }
            Err(CallError::NoServer(_)) => Self::open_here(settings, may_create).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The same for commands that change nothing. If there is no store yet and the command could create one, they run on an
    /// empty store in a temporary directory.
    ///
    /// # Errors
    ///
    /// As [`AdminConnection::open`].
    pub(crate) async fn open_for_dry_run(configuration: &Configuration) -> Result<Self, CliError> {
        let mut settings = store_settings(configuration)?;
        if App::store_exists(&settings) || !configuration.may_create_store() {
            return Self::open(configuration, false).await;
        }
        let dir = tempfile::Builder::new().prefix("counterfoil-dry-run-").tempdir();
        let dir = dir.map_err(|error| CliError::with_cause("cannot create a temporary directory", &error))?;
        let store = format!("sqlite:{}", dir.path().join("counterfoil.db").display()).parse();
        settings.store =
            store.map_err(|error| CliError::with_cause("cannot open a temporary store", &error))?;
        settings.data_dir = Some(dir.path().to_owned());
        settings.master_key = MasterKeySource::default();
        Ok(Self::Temporary(App::open(settings).await?, dir))
    }

    async fn open_here(settings: Settings, may_create: bool) -> Result<Self, CliError> {
        if !may_create && !App::store_exists(&settings) {
            return Err(store_missing(&settings));
        }
        Ok(Self::Local(App::open(settings).await?))
    }

    /// Executes `command` and returns its answer.
    pub(crate) async fn execute<T: DeserializeOwned>(&self, command: Command) -> Result<T, CliError> {
        match self {
            Self::Local(app) | Self::Temporary(app, _) => parse(app.administer(command).await?),
            Self::Server(dir) => match operator::call(dir, &command).await {
                Ok(answer) => parse(answer),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Closes the store if this process opened it.
    pub(crate) async fn close(self) -> Result<(), CliError> {
        match self {
            Self::Local(app) => app.close().await.map_err(|error| CliError::from_error(&error)),
            Self::Temporary(app, dir) => {
                let closed = app.close().await.map_err(|error| CliError::from_error(&error));
                drop(dir);
                closed
            }
            Self::Server(_) => Ok(()),
        }
    }
}

/// Checks that a running server has the configured store, so that a command for one store does not change another.
/// If no server runs, the call of the command itself reports that.
async fn check_server(configuration: &Configuration) -> Result<(), CliError> {
    match operator::call(&configuration.data_dir, &Command::Status {}).await {
        Ok(status) => check_store(configuration, status),
        // The command would wait as long once more.
        Err(error @ CallError::NotAnswering { .. }) => Err(error.into()),
        Err(_) => Ok(()),
    }
}

/// Checks that the configured store, if there is one, is the store of the server with this status.
fn check_store(configuration: &Configuration, status: Value) -> Result<(), CliError> {
    let Some(configured) = configuration.configured_store().map(|store| store.resolved().to_string()) else {
        return Ok(());
    };
    let StatusResponse { store: served, .. } = parse(status)?;
    if served == configured {
        return Ok(());
    }
    let dir = configuration.data_dir.display();
    Err(CliError::failure(format!("the server in {dir} has the store {served}, not {configured}"))
        .with_hint("set --data-dir to the directory of the other store, or remove --store"))
}

/// Opens the store, executes the command, and closes the store.
async fn execute_here(settings: Settings, command: Command, may_create: bool) -> Result<Value, CliError> {
    if !may_create && !App::store_exists(&settings) {
        return Err(store_missing(&settings));
    }
    let app = App::open(settings).await?;
    let answer = app.administer(command).await;
    let closed = app.close().await.map_err(|error| CliError::from_error(&error));
    let answer = answer?;
    closed.map(|()| answer)
}

/// The error of a command that needs a store which exists.
pub(crate) fn store_missing(settings: &Settings) -> CliError {
    CliError::failure(format!("there is no store at {}", settings.store))
        .with_hint("set --data-dir to its directory; `counterfoil serve`, or the application that embeds it, creates a store")
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

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        Self::from_error(&error).with_optional_hint(error.hint())
    }
}
