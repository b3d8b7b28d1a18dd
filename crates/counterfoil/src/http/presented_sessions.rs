//! Which logins the credentials of a request belong to, where more is asked than who is calling.

use std::collections::BTreeSet;

use http::HeaderMap;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::session::{RefreshGracePeriod, RefreshOutcome, Session, SessionCredential};
use counterfoil_core::services::ServiceError;
use counterfoil_core::store::StoreError;
use counterfoil_jose::Time;
use counterfoil_verify::{
    AcceptedCredentials, AuthError, Authenticator as _, PresentedCredential, Principal, SessionId, UserId,
    cookie_values,
};

use crate::app::App;
use crate::http::error::{AppError, TooMany};
use crate::http::set_cookie::{Kind, SetCookies, is_shown};

/// A login, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Login {
    /// Which.
    pub(crate) session: SessionId,
    /// Whose.
    pub(crate) user: UserId,
}

impl Login {
    /// The login that this record is of.
    pub(crate) fn of(session: &Session) -> Self {
        Self { session: session.id, user: session.user }
    }

    /// The login of a principal, who has one if the credential is ours.
    pub(crate) fn of_principal(principal: &Principal) -> Option<Self> {
        Some(Self { session: principal.session_id()?, user: principal.user_id()? })
    }
}

/// The live login whose credential this is, if it is good for anything now.
///
/// # Errors
///
/// [`AuthError::Unavailable`] if it could not be judged.
pub(crate) async fn live(app: &App, kind: Kind, text: &str, now: Time) -> Result<Option<Login>, AuthError> {
    let presented = match kind {
        Kind::Session => PresentedCredential::SessionToken(text),
        Kind::Access => PresentedCredential::AccessToken(text),
        Kind::Refresh => return live_by_refresh(app, text, now).await,
    };
    match app.authenticator.authenticate(presented, now).wait().await {
        Ok(principal) => Ok(Login::of_principal(&principal)),
        Err(denied @ (AuthError::Unavailable | AuthError::StaleRevocations)) => Err(denied),
        Err(_) => Ok(None),
    }
}

async fn live_by_refresh(app: &App, text: &str, now: Time) -> Result<Option<Login>, AuthError> {
    let Ok(token) = text.parse::<RefreshToken>() else { return Ok(None) };
    let kept = genuine(app, &token).await.map_err(|error| {
        tracing::error!(%error, "a session could not be read");
        AuthError::Unavailable
    })?;
    Ok(kept.filter(|session| is_good(app, session, &token, now)).map(|session| Login::of(&session)))
}

/// Whether a refresh with this token would be answered. A judgement alone: nothing turns.
fn is_good(app: &App, session: &Session, token: &RefreshToken, now: Time) -> bool {
    let grace =
        RefreshGracePeriod { length: app.settings().refresh_reuse_grace, serving_since: app.started_at };
    let ring = app.keys.active_keys();
    let Some(pepper) = session.refresh_token_key_id().and_then(|id| ring.refresh_token_key_by_id(id)) else {
        return false;
    };
    match session.rotate(token, pepper, grace, now) {
        Ok(RefreshOutcome::Rotate(_) | RefreshOutcome::RepeatCurrent | RefreshOutcome::RepeatWithinGrace) => {
            true
        }
        Ok(RefreshOutcome::ReuseDetected) | Err(_) => false,
    }
}

/// The session of a refresh token that we made, whatever its turn and whether or not the session is live.
async fn genuine(app: &App, token: &RefreshToken) -> Result<Option<Session>, StoreError> {
    let kept = app.store.session(token.session()).await?;
    Ok(kept.filter(|session| is_genuine(app, session, token)))
}

fn is_genuine(app: &App, session: &Session, token: &RefreshToken) -> bool {
    let SessionCredential::Refresh { key_id, salt, .. } = session.credential else { return false };
    app.keys.active_keys().refresh_token_key_by_id(key_id).is_some_and(|key| token.has_valid_mac(key, &salt))
}

/// The login that a refresh token names, for a logout: any turn that is authentic will do.
///
/// # Errors
///
/// If the store could not be read.
pub(crate) async fn named_by_refresh(app: &App, text: &str) -> Result<Option<Login>, ServiceError> {
    let Ok(token) = text.parse::<RefreshToken>() else { return Ok(None) };
    Ok(genuine(app, &token).await?.as_ref().map(Login::of))
}

/// The live logins behind our cookies of these kinds, each once.
///
/// # Errors
///
/// As [`live`].
pub(crate) async fn live_behind(
    app: &App,
    headers: &HeaderMap,
    kinds: &[Kind],
    now: Time,
) -> Result<BTreeSet<Login>, AuthError> {
    let mut found = BTreeSet::new();
    for kind in kinds {
        for text in values(app, headers, *kind) {
            found.extend(live(app, *kind, text, now).await?);
        }
    }
    Ok(found)
}

/// The refusal of two different credentials. It clears those of our cookies, of the kinds that the route reads,
/// of which no value is live; where that cannot be told nothing is cleared.
pub(crate) async fn ambiguous(
    app: &App,
    headers: &HeaderMap,
    reads: AcceptedCredentials,
    now: Time,
) -> AppError {
    let mut cleared = SetCookies::none(app.cookie_names);
    for kind in Kind::ALL {
        if reads_kind(reads, kind)
            && is_shown(kind, &app.cookie_names, headers)
            && live_behind(app, headers, &[kind], now).await.is_ok_and(|live| live.is_empty())
        {
            cleared = cleared.clear(kind);
        }
    }
    AppError::MultipleCredentials(Box::new(TooMany(cleared)))
}

const fn reads_kind(reads: AcceptedCredentials, kind: Kind) -> bool {
    match kind {
        Kind::Session => reads.session_token,
        Kind::Access => reads.access_token,
        Kind::Refresh => reads.refresh_token,
    }
}

fn values<'a>(app: &App, headers: &'a HeaderMap, kind: Kind) -> impl Iterator<Item = &'a str> + use<'a> {
    let seen: BTreeSet<&str> = cookie_values(headers, kind.name(&app.cookie_names)).collect();
    seen.into_iter()
}
