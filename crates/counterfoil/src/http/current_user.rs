//! The extractor that authenticates a request to Counterfoil's own routes.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedCredentials, AuthError, Authenticator as _, CredentialSource, InvalidReason, Principal,
    RevocationPosition, SessionId, UserId, is_safe_method,
};

use crate::app::App;
use crate::http::client_info::request_ip;
use crate::http::error::AppError;
use crate::http::presented_sessions::read_one_credential;
use crate::http::request_log::RequestLogContext;
use crate::limits::write_rate::Writer;
use crate::operations::presented_session::PresentedSession;
use crate::operations::scope_limit::{check_account_access, check_own_session_access};

/// A user who is authenticated by a session token or an access token, with the time of the check.
///
/// The same checks as behind [`App::layer`](crate::App::layer), for routes that also need the session. A request with an
/// unsafe method (RFC 9110, section 9.2.1) is counted as a change and refused above the limits.
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
    /// A position of the revocation log at which the credential was valid: a later revocation has a higher one.
    pub(crate) position: RevocationPosition,
    /// Where the credential was presented.
    pub(crate) source: CredentialSource,
}

impl CurrentUser {
    /// As [`check_account_access`], for a route.
    ///
    /// # Errors
    ///
    /// [`AuthError::Forbidden`].
    pub(crate) fn check_account_access(&self) -> Result<(), AppError> {
        check_account_access(&self.principal).map_err(|error| AppError::auth(error, self.source))
    }

    /// Counts the request as a change, for a page whose extractor does not.
    ///
    /// # Errors
    ///
    /// [`ClientError::RateLimited`](counterfoil_core::ClientError::RateLimited).
    pub(crate) fn count_write(&self, app: &App) -> Result<(), AppError> {
        let writer = Writer { session: Some(self.session), user: Some(self.user), ip: None };
        Ok(app.parts.write_rate_limiter.count(&writer, self.now)?)
    }

    /// As [`check_own_session_access`], for a route.
    ///
    /// # Errors
    ///
    /// [`AuthError::Forbidden`]; if the store cannot be read.
    pub(crate) async fn check_own_session_access(&self, app: &App) -> Result<(), AppError> {
        Ok(check_own_session_access(app, &self.principal).await?)
    }

    /// The session, with its user.
    pub(crate) const fn presented(&self) -> PresentedSession {
        PresentedSession { session: self.session, user: self.user }
    }
}

impl FromRequestParts<App> for CurrentUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let current_user = authenticate_and_log(parts, app).await?;
        if !is_safe_method(&parts.method) {
            let CurrentUser { session, user, now, .. } = current_user;
            let writer = Writer { session: Some(session), user: Some(user), ip: request_ip(parts, app) };
            app.parts.write_rate_limiter.count(&writer, now)?;
        }
        Ok(current_user)
    }
}

/// A [`CurrentUser`] on a route by which users protect their account: it ends sessions or changes the password.
///
/// It is not counted with the other changes. The thief of a session could otherwise use up their limits, and so keep the
/// owner from ending that session. These routes have limits of their own.
#[derive(Debug, Clone)]
pub(crate) struct AccountOwner(pub(crate) CurrentUser);

impl FromRequestParts<App> for AccountOwner {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        authenticate_and_log(parts, app).await.map(Self)
    }
}

async fn authenticate_and_log(parts: &Parts, app: &App) -> Result<CurrentUser, AppError> {
    let current_user = authenticate(app, &parts.headers, app.now()).await?;
    if let Some(context) = parts.extensions.get::<RequestLogContext>() {
        context.set(current_user.presented(), current_user.source);
    }
    Ok(current_user)
}

async fn authenticate(app: &App, headers: &HeaderMap, now: Time) -> Result<CurrentUser, AppError> {
    let accepted = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN;
    let presented = read_one_credential(app, headers, accepted, now).await?;
    // Before the check, so that a revocation that the check does not see has a higher position.
    let head = app.parts.verifier.revocations().head();
    let result = app.parts.authenticator.authenticate(presented.credential, now).wait().await;
    let principal = result.map_err(|error| AppError::auth(error, presented.source))?;
    // A machine token has neither a session nor a user id, and these routes need both.
    let Some(PresentedSession { session, user }) = PresentedSession::from_principal(&principal) else {
        let error = AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted);
        return Err(AppError::auth(error, presented.source));
    };
    let position = head.max(principal.position());
    Ok(CurrentUser { principal, user, session, now, position, source: presented.source })
}
