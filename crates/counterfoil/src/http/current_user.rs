//! Who is calling one of our own routes.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedCredentials, AuthError, Authenticator as _, InvalidReason, Principal, SessionId, UserId,
    read_credentials,
};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::presented_sessions::{self, Login};
use crate::http::request_log::Mark;

/// Somebody with a good session or access token of ours, and the time by which that was judged.
///
/// The same judgement as behind [`App::layer`](crate::App::layer), for routes that need the login as well.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// What verification found.
    pub(crate) principal: Principal,
    /// Who it is.
    pub(crate) user: UserId,
    /// In which login.
    pub(crate) session: SessionId,
    /// When.
    pub(crate) now: Time,
}

impl FromRequestParts<App> for Caller {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let now = app.now();
        let caller = judge(app, &parts.headers, now).await?;
        if let Some(mark) = parts.extensions.get::<Mark>() {
            mark.set(Login { session: caller.session, user: caller.user });
        }
        Ok(caller)
    }
}

async fn judge(app: &App, headers: &HeaderMap, now: Time) -> Result<Caller, AppError> {
    let reads = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN;
    let Ok(found) = read_credentials(headers, &app.cookie_names, reads) else {
        return Err(presented_sessions::ambiguous(app, headers, reads, now).await);
    };
    let judged = app.authenticator.authenticate(found.credential, now).wait().await;
    let principal = judged.map_err(|denied| AppError::denied(denied, found.source))?;
    // Every credential of ours names both; another could do nothing here.
    let Some(Login { session, user }) = Login::of_principal(&principal) else {
        return Err(AppError::denied(
            AuthError::InvalidCredential(InvalidReason::CredentialKindNotAccepted),
            found.source,
        ));
    };
    Ok(Caller { principal, user, session, now })
}
