//! A change of the user's own password.

use counterfoil_core::model::session::ClientInfo;
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::operations::application_users::check_users_are_ours;
use crate::operations::error::OperationError;
use crate::operations::presented_session::PresentedSession;
use crate::runtime::task::run_detached;

/// The current and the new password.
#[derive(Debug)]
pub(crate) struct PasswordChange {
    /// Proves that the user is present: a thief with a session must not take the account.
    pub(crate) current: Secret<String>,
    /// The password from now on.
    pub(crate) new: Secret<String>,
}

/// Changes the password of the user of `session`, and ends all other sessions of the user. It completes even if the
/// client disconnects.
///
/// # Errors
///
/// [`OperationError::UsersOfApplication`]; a wrong current password; a new one against the policy; a rate limit.
pub(crate) async fn change_password(
    app: &App,
    PresentedSession { session, user }: PresentedSession,
    change: PasswordChange,
    client_info: ClientInfo,
    now: Time,
) -> Result<(), OperationError> {
    check_users_are_ours(app)?;
    let detached = app.clone();
    let result = run_detached(async move {
        let passwords = (&change.current, &change.new);
        detached.accounts.change_password(user, Some(session), passwords, &client_info, now).await
    })
    .await;
    app.metrics.password_changes.count(result.map_err(OperationError::from)).map(|_| ())
}
