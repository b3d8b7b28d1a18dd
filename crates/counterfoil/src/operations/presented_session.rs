//! The session that a presented credential belongs to, for operations that end or replace it.

use std::collections::BTreeSet;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, RefreshOutcome, Session, SessionCredential};
use counterfoil_core::services::ServiceError;
use counterfoil_core::services::revoker::RevocationContext;
use counterfoil_core::store::StoreError;
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, Authenticator as _, PresentedCredential, Principal, SessionId, UserId};

use crate::app::App;
use crate::settings::cookie_options::CookieKind;

/// A session, with its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PresentedSession {
    /// The session.
    pub(crate) session: SessionId,
    /// The user of the session.
    pub(crate) user: UserId,
}

impl PresentedSession {
    pub(crate) fn from_session(session: &Session) -> Self {
        Self { session: session.id, user: session.user }
    }

    /// `None` if the principal is a machine, or its token has the claims of a foreign issuer. The caller vouches that the
    /// principal is of this installation: ids of another Counterfoil issuer look alike.
    pub(crate) fn from_principal(principal: &Principal) -> Option<Self> {
        Some(Self { session: principal.session_id()?, user: principal.user_id()? })
    }
}

/// The live session of a credential; `None` if the credential is invalid now.
///
/// # Errors
///
/// [`AuthError::Unavailable`] or [`AuthError::StaleRevocations`] if it cannot be verified at present.
pub(crate) async fn find_live(
    app: &App,
    kind: CookieKind,
    text: &str,
    now: Time,
) -> Result<Option<PresentedSession>, AuthError> {
    let credential = match kind {
        CookieKind::Session => PresentedCredential::SessionToken(text),
        CookieKind::Access => PresentedCredential::AccessToken(text),
        CookieKind::Refresh => return find_live_by_refresh_token(app, text, now).await,
    };
    match app.parts.authenticator.authenticate(credential, now).wait().await {
        Ok(principal) => Ok(PresentedSession::from_principal(&principal)),
        Err(error @ (AuthError::Unavailable | AuthError::StaleRevocations)) => Err(error),
        Err(_) => Ok(None),
    }
}

async fn find_live_by_refresh_token(
    app: &App,
    text: &str,
    now: Time,
) -> Result<Option<PresentedSession>, AuthError> {
    let Ok(token) = text.parse::<RefreshToken>() else { return Ok(None) };
    let session = find_authentic(app, &token).await.map_err(|error| {
        tracing::error!(%error, "a session could not be read");
        AuthError::Unavailable
    })?;
    let live = session.filter(|session| can_refresh(app, session, &token, now));
    app.check_freshness()?;
    Ok(live.as_ref().map(PresentedSession::from_session))
}

/// Whether a refresh with this token would succeed. Nothing is rotated.
pub(crate) fn can_refresh(app: &App, session: &Session, token: &RefreshToken, now: Time) -> bool {
    let keys = app.parts.keys.active_keys();
    let Some(key) = session.refresh_token_key_id().and_then(|id| keys.refresh_token_key_by_id(id)) else {
        return false;
    };
    match session.rotate(token, key, app.parts.refresh_grace, now) {
        Ok(RefreshOutcome::Rotate(_) | RefreshOutcome::RepeatCurrent | RefreshOutcome::RepeatWithinGrace) => {
            true
        }
        Ok(RefreshOutcome::ReuseDetected) | Err(_) => false,
    }
}

/// The session of a refresh token for a logout: a used token names its session too, if it is authentic.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn find_by_any_refresh_token(
    app: &App,
    text: &str,
) -> Result<Option<PresentedSession>, ServiceError> {
    let Ok(token) = text.parse::<RefreshToken>() else { return Ok(None) };
    Ok(find_authentic(app, &token).await?.as_ref().map(PresentedSession::from_session))
}

/// The session of an authentic refresh token, whatever its counter, whether the session is live or not.
async fn find_authentic(app: &App, token: &RefreshToken) -> Result<Option<Session>, StoreError> {
    let session = app.parts.store.session(token.session()).await?;
    Ok(session.filter(|session| is_authentic(app, session, token)))
}

/// The session of a credential that this installation has issued, whether it is still valid or not. The caller has the
/// genuine secret, or a former token of the session.
///
/// # Errors
///
/// If the store cannot be read.
pub(crate) async fn find_genuine(
    app: &App,
    kind: CookieKind,
    text: &str,
    now: Time,
) -> Result<Option<Session>, StoreError> {
    match kind {
        CookieKind::Session => {
            let Ok(token) = text.parse::<SessionToken>() else { return Ok(None) };
            let session = app.parts.store.session(token.session()).await?;
            Ok(session.filter(|session| match &session.credential {
                SessionCredential::Cookie(hash) => hash.matches(&token),
                SessionCredential::AccessOnly | SessionCredential::Refresh { .. } => false,
            }))
        }
        CookieKind::Refresh => match text.parse::<RefreshToken>() {
            Ok(token) => find_authentic(app, &token).await,
            Err(_) => Ok(None),
        },
        CookieKind::Access => {
            let verified = app.parts.verifier.token_verifier().verify_ignoring_expiry_and_audience(text, now);
            match verified.ok().and_then(|principal| PresentedSession::from_principal(&principal)) {
                Some(presented) => app.parts.store.session(presented.session).await,
                None => Ok(None),
            }
        }
    }
}

fn is_authentic(app: &App, session: &Session, token: &RefreshToken) -> bool {
    let SessionCredential::Refresh { key_id, salt, .. } = session.credential else { return false };
    app.parts
        .keys
        .active_keys()
        .refresh_token_key_by_id(key_id)
        .is_some_and(|key| token.has_valid_mac(key, &salt))
}

/// Ends sessions in the name of their users.
///
/// # Errors
///
/// At the first session that cannot be ended durably.
pub(crate) async fn end_sessions(
    app: &App,
    sessions: BTreeSet<PresentedSession>,
    reason: EndReason,
    client: &ClientInfo,
    now: Time,
) -> Result<(), ServiceError> {
    for PresentedSession { session, user } in sessions {
        let context = RevocationContext { actor: Actor::User(user), reason, client_info: client.clone() };
        app.parts.revoker.end_own_session(user, session, &context, now).await?;
    }
    Ok(())
}
