//! Logout: finds the session that a presented credential may end, and ends it.

use std::collections::BTreeSet;

use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::revoker::LEEWAY_AND_SKEW;
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, CredentialKind, Principal};

use crate::app::App;
use crate::operations::error::OperationError;
use crate::operations::presented_session::{
    PresentedSession, end_sessions, find_by_any_refresh_token, find_live,
};
use crate::operations::scope_limit::{check_session_access, forbidden};
use crate::settings::cookie_options::CookieKind;

/// The session of a credential that is presented to log out. A used refresh token counts if it is authentic, and so does
/// an access token that has expired or is for another audience. One that was revoked does not: after a password change, the
/// thief of a former token must not end the session that the owner has kept.
///
/// `proven` are the sessions that another credential of the request may end: a limited access token is no error for these.
///
/// # Errors
///
/// As [`find_by_principal`] for an access token; if the credential cannot be verified at present.
pub(crate) async fn find_by_credential(
    app: &App,
    kind: CookieKind,
    text: &str,
    proven: &BTreeSet<PresentedSession>,
    now: Time,
) -> Result<Option<PresentedSession>, OperationError> {
    match kind {
        CookieKind::Session => Ok(find_live(app, kind, text, now).await?),
        CookieKind::Refresh => Ok(find_by_any_refresh_token(app, text).await?),
        CookieKind::Access => {
            match app.parts.verifier.token_verifier().verify_ignoring_expiry_and_audience(text, now) {
                Ok(principal) if is_proven(&principal, proven) => Ok(None),
                Ok(principal) => find_by_old_token(app, &principal, now).await,
                Err(_) => Ok(None),
            }
        }
    }
}

fn is_proven(principal: &Principal, proven: &BTreeSet<PresentedSession>) -> bool {
    PresentedSession::from_principal(principal).is_some_and(|session| proven.contains(&session))
}

/// As [`find_by_principal`], for a token that may have expired. `None` if it was revoked.
async fn find_by_old_token(
    app: &App,
    principal: &Principal,
    now: Time,
) -> Result<Option<PresentedSession>, OperationError> {
    if app.parts.verifier.revocations().revoked_by(principal.revocation_query()).is_some() {
        return Ok(None);
    }
    let Some(presented) = find_by_principal(app, principal).await? else { return Ok(None) };
    // Its revocation may be forgotten. One of the user has moved the session to a later position.
    if now > principal.expires_at() + LEEWAY_AND_SKEW {
        let session = app.parts.store.session(presented.session).await?;
        return Ok(session.filter(|session| principal.position() >= session.pos).map(|_| presented));
    }
    Ok(Some(presented))
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
    let Some(session) = app.parts.store.session(presented.session).await? else { return Ok(None) };
    let is_for = |audience: &str| principal.audiences().iter().any(|one| one == audience);
    let has_own_audience = match (principal.credential_kind(), &session.audience) {
        // It has no audience: only its issuer accepts it.
        (CredentialKind::SessionToken, _) => true,
        (CredentialKind::AccessToken, Some(audience)) => is_for(audience),
        (CredentialKind::AccessToken, None) => is_for(app.parts.settings.issuer.as_str()),
    };
    if !has_own_audience {
        return Err(forbidden().into());
    }
    check_session_access(principal, &session)?;
    Ok(Some(presented))
}

/// The live session that a login with this credential in its cookie replaces: one that a logout with it may end. The thief
/// of a limited token could otherwise end the session by a login of their own.
///
/// # Errors
///
/// If the credential cannot be verified at present.
pub(crate) async fn find_replaceable(
    app: &App,
    kind: CookieKind,
    text: &str,
    now: Time,
) -> Result<Option<PresentedSession>, OperationError> {
    let Some(live) = find_live(app, kind, text, now).await? else { return Ok(None) };
    if kind != CookieKind::Access {
        return Ok(Some(live));
    }
    match find_by_credential(app, kind, text, &BTreeSet::new(), now).await {
        Err(OperationError::Auth(AuthError::Forbidden(_))) => Ok(None),
        found => found,
    }
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
