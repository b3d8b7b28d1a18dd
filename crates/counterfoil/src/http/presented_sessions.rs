//! Which logins the credentials of a request belong to, where more is asked than who is calling.

use std::collections::BTreeSet;

use http::HeaderMap;

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::session::{RefreshGracePeriod, RefreshOutcome, Session, SessionCredential};
use counterfoil_core::services::ServiceError;
use counterfoil_core::store::StoreError;
use counterfoil_jose::Time;
use counterfoil_verify::{
    Authenticate as _, Denied, Presented, Principal, Reads, SessionId, UserId, cookies,
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
        Some(Self { session: principal.session()?, user: principal.user()? })
    }
}

/// The live login whose credential this is, if it is good for anything now.
///
/// # Errors
///
/// [`Denied::Unavailable`] if it could not be judged.
pub(crate) async fn live(app: &App, kind: Kind, text: &str, now: Time) -> Result<Option<Login>, Denied> {
    let presented = match kind {
        Kind::Session => Presented::Session(text),
        Kind::Access => Presented::Access(text),
        Kind::Refresh => return live_by_refresh(app, text, now).await,
    };
    match app.authenticator.authenticate(presented, now).wait().await {
        Ok(principal) => Ok(Login::of_principal(&principal)),
        Err(denied @ (Denied::Unavailable | Denied::Stale)) => Err(denied),
        Err(_) => Ok(None),
    }
}

async fn live_by_refresh(app: &App, text: &str, now: Time) -> Result<Option<Login>, Denied> {
    let Ok(token) = text.parse::<RefreshToken>() else { return Ok(None) };
    let kept = genuine(app, &token).await.map_err(|error| {
        tracing::error!(%error, "a session could not be read");
        Denied::Unavailable
    })?;
    Ok(kept.filter(|session| is_good(app, session, &token, now)).map(|session| Login::of(&session)))
}

/// Whether a refresh with this token would be answered. A judgement alone: nothing turns.
fn is_good(app: &App, session: &Session, token: &RefreshToken, now: Time) -> bool {
    let grace = RefreshGracePeriod { length: app.settings().refresh_reuse_grace, serving_since: app.started };
    let ring = app.keys.ring();
    let Some(pepper) = session.pepper().and_then(|id| ring.pepper_of(id)) else { return false };
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
    let SessionCredential::Refresh { pepper, salt, .. } = session.stub else { return false };
    app.keys.ring().pepper_of(pepper).is_some_and(|pepper| token.is_genuine(pepper, &salt))
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
) -> Result<BTreeSet<Login>, Denied> {
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
pub(crate) async fn ambiguous(app: &App, headers: &HeaderMap, reads: Reads, now: Time) -> AppError {
    let mut cleared = SetCookies::none(app.cookie_names);
    for kind in Kind::ALL {
        if reads_kind(reads, kind)
            && is_shown(kind, &app.cookie_names, headers)
            && live_behind(app, headers, &[kind], now).await.is_ok_and(|live| live.is_empty())
        {
            cleared = cleared.clear(kind);
        }
    }
    AppError::Ambiguous(Box::new(TooMany(cleared)))
}

const fn reads_kind(reads: Reads, kind: Kind) -> bool {
    match kind {
        Kind::Session => reads.session,
        Kind::Access => reads.access,
        Kind::Refresh => reads.refresh,
    }
}

fn values<'a>(app: &App, headers: &'a HeaderMap, kind: Kind) -> impl Iterator<Item = &'a str> + use<'a> {
    let seen: BTreeSet<&str> = cookies::values_of(headers, kind.name(&app.cookie_names)).collect();
    seen.into_iter()
}
