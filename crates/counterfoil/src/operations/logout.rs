//! Logout: finds the session that a presented credential may end, and ends it.

use std::collections::BTreeSet;

use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::ServiceError;
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, CredentialKind, Principal, RequiredPermission};

use crate::app::App;
use crate::operations::error::OperationError;
use crate::operations::presented_session::{
    PresentedSession, end_sessions, find_by_any_refresh_token, find_live,
};
use crate::operations::sessions::ACCOUNT_SCOPE;
use crate::settings::cookie_options::CookieKind;

/// The session of a credential that is presented to log out. A used refresh token counts if it is authentic, and so does
/// an access token that has expired or is for another audience.
///
/// # Errors
///
/// As [`find_by_principal`] for an access token; if the credential cannot be verified at present.
pub(crate) async fn find_by_credential(
    app: &App,
    kind: CookieKind,
    text: &str,
    now: Time,
) -> Result<Option<PresentedSession>, OperationError> {
    match kind {
        CookieKind::Session => Ok(find_live(app, kind, text, now).await?),
        CookieKind::Refresh => Ok(find_by_any_refresh_token(app, text).await?),
        CookieKind::Access => {
            match app.verifier.token_verifier().verify_ignoring_expiry_and_audience(text, now) {
                Ok(principal) => find_by_principal(app, &principal).await,
                Err(_) => Ok(None),
            }
        }
    }
}

/// The session of a principal, if a logout by it may end the session: its credential is one that the login or a refresh
/// issued, or one that may do everything that those may. `None` for a machine, and for a session that is gone.
///
/// # Errors
///
/// [`AuthError::Forbidden`] for an exchanged token that is limited to a scope or to another audience.
pub(crate) async fn find_by_principal(
    app: &App,
    principal: &Principal,
) -> Result<Option<PresentedSession>, OperationError> {
    let Some(presented) = PresentedSession::from_principal(principal) else { return Ok(None) };
    let Some(session) = app.store.session(presented.session).await? else { return Ok(None) };
    let is_for = |audience: &str| principal.audiences().iter().any(|one| one == audience);
    let has_own_audience = match (principal.credential_kind(), &session.audience) {
        // It has no audience: only its issuer accepts it.
        (CredentialKind::SessionToken, _) => true,
        (CredentialKind::AccessToken, Some(audience)) => is_for(audience),
        (CredentialKind::AccessToken, None) => is_for(app.settings.issuer.as_str()),
    };
    let is_limited = session.scope.is_none() && principal.scopes().next().is_some();
    if !has_own_audience || (is_limited && !principal.has_scope(ACCOUNT_SCOPE)) {
        return Err(AuthError::Forbidden(RequiredPermission::Scope(ACCOUNT_SCOPE.into())).into());
    }
    Ok(Some(presented))
}

/// Ends sessions in the name of their users.
///
/// # Errors
///
/// At the first session that cannot be ended durably.
pub(crate) async fn log_out(
    app: &App,
    sessions: BTreeSet<PresentedSession>,
    client_info: &ClientInfo,
    now: Time,
) -> Result<(), ServiceError> {
    end_sessions(app, sessions, EndReason::Logout, client_info, now).await
}
