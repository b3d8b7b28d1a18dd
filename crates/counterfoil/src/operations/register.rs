//! Registration of a user by the user.

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::model::user::User;
use counterfoil_core::services::account::Registration as NewUser;

use crate::app::App;
use crate::operations::application_users::check_users_are_ours;
use crate::operations::error::OperationError;
use crate::runtime::task::run_detached;
use crate::settings::registration::Registration;

/// Registers a user. It completes even if the client disconnects.
///
/// # Errors
///
/// [`OperationError::RegistrationClosed`]; [`OperationError::UsersOfApplication`]; an invalid or taken name; a password against the policy; a rate limit.
pub(crate) async fn register(
    app: &App,
    new: NewUser,
    client_info: ClientInfo,
) -> Result<User, OperationError> {
    check_users_are_ours(app)?;
    match app.settings().registration {
        Registration::Open => {}
        Registration::Closed => return Err(OperationError::RegistrationClosed),
    }
    let (detached, now) = (app.clone(), app.now());
    let result = run_detached(async move {
        detached.parts.accounts.register(new, Actor::Anonymous, &client_info, now).await
    })
    .await;
    app.parts.metrics.registrations.count(result.map_err(OperationError::from))
}
