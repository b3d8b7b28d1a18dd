//! A change of the user's own password.

use counterfoil_core::model::session::{ClientInfo, Mode};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::account::Credentials;
use counterfoil_core::services::issuer::{IssuedSession, PresentedForChange, RenewedCredential};
use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{ClientId, Principal};

use crate::app::App;
use crate::operations::application_users::check_users_are_ours;
use crate::operations::credential::IssuedCredential;
use crate::operations::error::OperationError;
use crate::operations::presented_session::PresentedSession;
use crate::operations::scope_limit::{access_bounds, check_account_access};
use crate::runtime::task::run_detached;
use crate::settings::cookie_options::CookieKind;

/// The current and the new password.
#[derive(Debug)]
pub(crate) struct PasswordChange {
    /// Proves that the user is present: a thief with a session must not take the account.
    pub(crate) current: Secret<String>,
    /// The password from now on.
    pub(crate) new: Secret<String>,
}

/// The session in which the password is changed.
#[derive(Debug)]
pub(crate) struct ChangingSession {
    /// The session, with its user.
    pub(crate) presented: PresentedSession,
    /// The verified credential.
    pub(crate) principal: Principal,
    /// Whether the client gets its new credentials as cookies, which limits their size.
    pub(crate) in_cookies: bool,
}

/// Changes the password of the user of a session, ends all other sessions of the user, and issues new credentials of this
/// session; the former ones are invalid at once. It completes even if the client disconnects.
///
/// # Errors
///
/// [`OperationError::UsersOfApplication`]; a credential that is limited by scope; a wrong current password; a new one
/// against the policy; a rate limit.
pub(crate) async fn change_password(
    app: &App,
    session: ChangingSession,
    change: PasswordChange,
    client_info: ClientInfo,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, OperationError> {
    check_users_are_ours(app)?;
    check_account_access(&session.principal)?;
    let detached = app.clone();
    let result =
        run_detached(async move { change_in_session(&detached, session, change, &client_info, now).await })
            .await;
    app.parts.metrics.password_changes.count(result.map_err(OperationError::from))
}

async fn change_in_session(
    app: &App,
    ChangingSession { presented: PresentedSession { session, user }, principal, in_cookies }: ChangingSession,
    change: PasswordChange,
    client_info: &ClientInfo,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, ServiceError> {
    let passwords = (&change.current, &change.new);
    let authorized =
        app.parts.accounts.authorize_password_change(user, session, passwords, client_info, now).await?;
    let max_token_length = in_cookies.then(|| CookieKind::Access.max_value_len(app.parts.cookies.names()));
    let access = access_bounds(&principal);
    let presented = PresentedForChange { session, access: access.as_ref(), max_token_length };
    let renewed = app.parts.issuer.change_password(authorized, &presented, client_info, now).await?;
    let IssuedSession { session, credential, user } = renewed;
    let credential = match credential {
        RenewedCredential::SessionToken(token) => IssuedCredential::from_session_token(&token, &session),
        RenewedCredential::AccessToken(access) => IssuedCredential::from_access_token(&access),
        RenewedCredential::TokenPair(pair) => IssuedCredential::from_token_pair(&pair),
    };
    Ok(IssuedSession { session, credential, user })
}

/// Changes the password of the user with this name, and ends all sessions of the user. It is a login in every other
/// respect: the same limits, the same queue of password hashes, the same error in the same time. The owner gets out with it
/// if a thief ends each of their sessions. It completes even if the client disconnects.
///
/// # Errors
///
/// [`OperationError::UsersOfApplication`]; those of a login; a new password against the policy.
pub(crate) async fn change_password_by_login(
    app: &App,
    username: String,
    client: ClientId,
    change: PasswordChange,
    client_info: ClientInfo,
    now: Time,
) -> Result<(), OperationError> {
    check_users_are_ours(app)?;
    let detached = app.clone();
    let result = run_detached(async move {
        let app = detached;
        let mode = first_mode(&app, &client).await?;
        let credentials = Credentials { username, password: change.current, client, mode };
        let accounts = &app.parts.accounts;
        let authorized =
            accounts.authorize_password_change_by_login(&credentials, &change.new, &client_info, now).await?;
        accounts.change_password(authorized, &client_info, now).await
    })
    .await;
    app.parts.metrics.password_changes.count(result.map_err(OperationError::from))
}

/// A mode that the client may use: no session is opened, so any does. An unknown client is the error of the login.
async fn first_mode(app: &App, client: &ClientId) -> Result<Mode, ServiceError> {
    let client = app.parts.store.client(client).await?;
    let modes = [Mode::Session, Mode::Jwt, Mode::Hybrid];
    let allowed = client.and_then(|client| modes.into_iter().find(|mode| client.allows(*mode)));
    Ok(allowed.unwrap_or_default())
}
