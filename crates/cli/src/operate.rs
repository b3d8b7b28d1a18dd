//! Has an operator's command done: by the server that owns the store, or where nobody owns it, here.

use std::path::PathBuf;

use counterfoil::operator::{self, CallError};
use counterfoil::operator::{AdminError, Command};
use counterfoil::{App, OpenError, Settings};
use serde_json::Value;

use crate::configuration::Configuration;
use crate::fault::Fault;

/// Does `command` and gives its answer.
///
/// # Errors
///
/// If it was refused, or there is no store; only a command that adds something makes one.
pub(crate) async fn administer(common: &Configuration, command: Command) -> Result<Value, Fault> {
    let settings = common.settings(common.listen)?;
    if common.configured_store().is_some() {
        judge_owner(common).await?;
    }
    match operator::call(&common.data_dir, &command).await {
        Ok(answer) => Ok(answer),
        Err(CallError::NoServer(_)) => here(settings, command).await,
        Err(CallError::Failed(refused)) => Err(refused.into()),
        Err(error) => Err(Fault::of(&error)),
    }
}

/// A way in for many commands, one after the other.
pub(crate) enum Door {
    /// A server owns the store, and listens in this directory.
    Server(PathBuf),
    /// Nobody else owns it.
    Here(App),
}

impl Door {
    /// Finds out who owns the store, and opens it if nobody does.
    ///
    /// # Errors
    ///
    /// If there is no store and it `may_make_one` not, or if it does not open.
    pub(crate) async fn open(common: &Configuration, may_make_one: bool) -> Result<Self, Fault> {
        let settings = common.settings(common.listen)?;
        match operator::call(&common.data_dir, &Command::Status {}).await {
            Ok(status) => {
                judge_store(common, &status)?;
                Ok(Self::Server(common.data_dir.clone()))
            }
            Err(CallError::NoServer(_)) if may_make_one || !is_missing(&settings) => {
                Ok(Self::Here(App::open(settings).await?))
            }
            Err(CallError::NoServer(_)) => Err(no_store(&settings)),
            Err(CallError::Failed(refused)) => Err(refused.into()),
            Err(error) => Err(Fault::of(&error)),
        }
    }

    /// Does `command` and gives its answer.
    pub(crate) async fn administer(&self, command: Command) -> Result<Value, Fault> {
        match self {
            Self::Here(app) => Ok(app.administer(command).await?),
            Self::Server(dir) => match operator::call(dir, &command).await {
                Ok(answer) => Ok(answer),
                Err(CallError::Failed(refused)) => Err(refused.into()),
                Err(error) => Err(Fault::of(&error)),
            },
        }
    }

    /// Closes the store again, if it was opened here.
    pub(crate) async fn close(self) -> Result<(), Fault> {
        match self {
            Self::Here(app) => app.close().await.map_err(|error| Fault::of(&error)),
            Self::Server(_) => Ok(()),
        }
    }
}

/// Refuses to have a server do what was meant for another store. Where none answers, or not well, whoever asks it
/// for something finds out.
async fn judge_owner(common: &Configuration) -> Result<(), Fault> {
    match operator::call(&common.data_dir, &Command::Status {}).await {
        Ok(status) => judge_store(common, &status),
        Err(_) => Ok(()),
    }
}

/// Whether the store that was named, if one was, is that of the server with this status.
fn judge_store(common: &Configuration, status: &Value) -> Result<(), Fault> {
    let Some(named) = common.configured_store().map(|store| store.resolved().to_string()) else {
        return Ok(());
    };
    match status["store"].as_str() {
        Some(served) if served != named => {
            let what =
                format!("the server in {} has the store {served}, not {named}", common.data_dir.display());
            Err(Fault::failure(what)
                .hint("name the data directory of the other store, or leave --store away"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Opens the store, does it, and closes the store again.
async fn here(settings: Settings, command: Command) -> Result<Value, Fault> {
    if is_missing(&settings) && !matches!(command, Command::UserAdd { .. }) {
        return Err(no_store(&settings));
    }
    let app = App::open(settings).await?;
    let answer = app.administer(command).await;
    let closed = app.close().await.map_err(|error| Fault::of(&error));
    let answer = answer?;
    closed.map(|()| answer)
}

fn is_missing(settings: &Settings) -> bool {
    !App::store_exists(settings)
}

fn no_store(settings: &Settings) -> Fault {
    Fault::failure(format!("there is no store at {}", settings.store))
        .hint("name its directory with --data-dir; `counterfoil serve` makes one")
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        let fault = Self::of(&error);
        match error.hint() {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}

impl From<AdminError> for Fault {
    fn from(refused: AdminError) -> Self {
        let fault = Self::failure(refused.message);
        match refused.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}
