//! What an application's own user table changes: its users are checked there, and changed there only.

use counterfoil_core::ClientError;
use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::Time;
use counterfoil_verify::SessionId;

use crate::app::App;
use crate::operations::error::OperationError;
use crate::runtime::task::run_detached;

/// Fails if the application has its own user table: then only the application adds users and changes passwords.
///
/// # Errors
///
/// [`OperationError::UsersOfApplication`].
pub(crate) fn check_users_are_ours(app: &App) -> Result<(), OperationError> {
    match &app.parts.application_users {
        Some(_) => Err(OperationError::UsersOfApplication),
        None => Ok(()),
    }
}

/// Reads the user of a session in the application's table before the session gets a new token, and ends the user's
/// sessions if the user is missing there or has another epoch. Does nothing without such a table.
///
/// # Errors
///
/// If the table or the store fails.
pub(crate) async fn check_session(
    app: &App,
    session: SessionId,
    client_info: &ClientInfo,
    now: Time,
) -> Result<(), OperationError> {
    match &app.parts.application_users {
        Some(users) => Ok(users.check_session(session, client_info, now).await?),
        None => Ok(()),
    }
}

/// Reads a user in the application's table, and ends the user's sessions if that requires it. It completes even if the
/// caller no longer waits.
///
/// # Errors
///
/// [`ClientError::Client`] without such a table; if the table or the store fails.
pub(crate) async fn user_changed(app: &App, id: &ExternalId) -> Result<(), OperationError> {
    let Some(users) = app.parts.application_users.clone() else {
        return Err(ClientError::Client("the application has no user table of its own").into());
    };
    let (id, now) = (id.clone(), app.now());
    Ok(run_detached(async move { users.user_changed(&id, now).await }).await?)
}
