//! Has an operator's command done: by the server that owns the store, or where nobody owns it, here.

use counterfoil::admin::{Command, Refused};
use counterfoil::admin_socket::{self, CallError};
use counterfoil::{App, OpenError, Settings};
use serde_json::Value;

use crate::common::Common;
use crate::fault::Fault;

/// Does `command` and gives its answer.
///
/// # Errors
///
/// If it was refused, or there is no store; only a command that adds something makes one.
pub(crate) async fn administer(common: &Common, command: Command) -> Result<Value, Fault> {
    let settings = common.settings(common.listen)?;
    match admin_socket::call(&common.data_dir, &command).await {
        Ok(answer) => Ok(answer),
        Err(CallError::NobodyThere(_)) => here(settings, command).await,
        Err(CallError::Refused(refused)) => Err(refused.into()),
        Err(error) => Err(Fault::of(&error)),
    }
}

/// Opens the store, does it, and closes the store again.
async fn here(settings: Settings, command: Command) -> Result<Value, Fault> {
    let is_missing = settings.store.file().is_some_and(|file| !file.exists());
    if is_missing && !matches!(command, Command::UserAdd { .. }) {
        return Err(Fault::failure(format!("there is no store at {}", settings.store))
            .hint("name its directory with --data-dir; `counterfoil serve` makes one"));
    }
    let app = App::open(settings).await?;
    let answer = app.administer(command).await;
    let closed = app.close().await.map_err(|error| Fault::of(&error));
    let answer = answer?;
    closed.map(|()| answer)
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

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        let fault = Self::failure(refused.message);
        match refused.hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}
