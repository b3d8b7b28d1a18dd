//! The extractor that authenticates a request to Counterfoil's own routes.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedCredentials, AuthError, Authenticator as _, CredentialSource, InvalidReason, Principal,
    RequiredPermission, SessionId, UserId,
};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::presented_sessions::read_one_credential;
use crate::http::request_log::RequestLogContext;
use crate::operations::presented_session::PresentedSession;

/// The scope that a credential which is limited by scope needs to change something of the account.
pub(crate) const ACCOUNT_SCOPE: &str = "counterfoil:account";

/// Whether the credential may change the account: it is not limited by scope, or it has `counterfoil:account`.
pub(crate) fn has_account_access(principal: &Principal) -> bool {
    principal.scopes().next().is_none() || principal.has_scope(ACCOUNT_SCOPE)
}

/// A user who is authenticated by a session token or an access token, with the time of the check.
///
/// The same checks as behind [`App::layer`](crate::App::layer), for routes that also need the session.
#[derive(Debug, Clone)]
pub(crate) struct CurrentUser {
    /// The result of verification.
    pub(crate) principal: Principal,
    /// The user.
    pub(crate) user: UserId,
    /// The session of the credential.
    pub(crate) session: SessionId,
    /// When the credential was checked.
    pub(crate) now: Time,
}

impl CurrentUser {
    /// Checks that the credential may change the account: end its sessions or change its password. A program that got
    /// a token for one scope must not be able to log the user out everywhere.
    ///
    /// # Errors
    ///
    /// [`AuthError::Forbidden`] if the credential is limited by scope, without `counterfoil:account`.
    pub(crate) fn check_account_access(&self) -> Result<(), AppError> {
        if !has_account_access(&self.principal) {
            let required = RequiredPermission::Scope(ACCOUNT_SCOPE.into());
            return Err(AppError::auth(AuthError::Forbidden(required), CredentialSource::None));
        }
        Ok(())
    }
}

impl FromRequestParts<App> for CurrentUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let now = app.now();
        let current_user = authenticate(app, &parts.headers, now).await?;
        if let Some(context) = parts.extensions.get::<RequestLogContext>() {
            context.set(PresentedSession { session: current_user.session, user: current_user.user });
        }
        Ok(current_user)
    }
}

async fn authenticate(app: &App, headers: &HeaderMap, now: Time) -> Result<CurrentUser, AppError> {
    let accepted = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN;
    let presented = read_one_credential(app, headers, accepted, now).await?;
    let result = app.authenticator.authenticate(presented.credential, now).wait().await;
    let principal = result.map_err(|error| AppError::auth(error, presented.source))?;
    // A machine token has neither a session nor a user id, and these routes need both.
    let Some(PresentedSession { session, user }) = PresentedSession::from_principal(&principal) else {
        let error = AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted);
        return Err(AppError::auth(error, presented.source));
    };
    Ok(CurrentUser { principal, user, session, now })
}
