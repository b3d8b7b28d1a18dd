//! Reads the credentials of a request, for routes that end or replace their sessions.

use std::collections::BTreeSet;

use http::HeaderMap;

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{
    AcceptedCredentials, AuthError, RequestCredentials, cookie_values, read_credentials,
};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::set_cookie::{SetCookies, is_presented};
use crate::operations::presented_session::{PresentedSession, find_live};
use crate::settings::cookie_options::CookieKind;

/// Reads the credentials of the accepted kinds.
///
/// # Errors
///
/// 400 if two of them differ: the order must not decide who is authenticated.
pub(crate) async fn read_one_credential<'a>(
    app: &App,
    headers: &'a HeaderMap,
    accepted: AcceptedCredentials,
    now: Time,
) -> Result<RequestCredentials<'a>, AppError> {
    match read_credentials(headers, app.parts.cookies.names(), accepted) {
        Ok(presented) => Ok(presented),
        Err(_) => Err(multiple_credentials(app, headers, accepted, now).await),
    }
}

/// The error for two different credentials. It clears the cookies of the accepted kinds of which no value is
/// live; if that cannot be determined, nothing is cleared.
///
/// Of a kind with several values it clears the cookies at all other scopes, too: a browser would send both with each request,
/// also with a login, until its user deletes them.
pub(crate) async fn multiple_credentials(
    app: &App,
    headers: &HeaderMap,
    accepted: AcceptedCredentials,
    now: Time,
) -> AppError {
    let kinds = CookieKind::ALL.into_iter().filter(|kind| accepts_kind(accepted, *kind));
    let cleared = clear_not_live(app, headers, kinds.clone(), now).await;
    let duplicates = kinds.filter(|kind| credentials_in_cookies(app, headers, &[*kind]).len() > 1);
    AppError::MultipleCredentials(Box::new(duplicates.fold(cleared, SetCookies::clear_other_scopes)))
}

/// Clears the presented cookies of these kinds of which no value is live; if that cannot be determined, nothing is cleared.
pub(crate) async fn clear_not_live(
    app: &App,
    headers: &HeaderMap,
    kinds: impl IntoIterator<Item = CookieKind>,
    now: Time,
) -> SetCookies {
    let mut cleared = SetCookies::new(&app.parts.cookies);
    for kind in kinds {
        if is_presented(kind, app.parts.cookies.names(), headers)
            && find_live_by_cookies(app, headers, &[kind], now).await.is_ok_and(|live| live.is_empty())
        {
            cleared = cleared.clear(kind);
        }
    }
    cleared
}

const fn accepts_kind(accepted: AcceptedCredentials, kind: CookieKind) -> bool {
    match kind {
        CookieKind::Session => accepted.session_token,
        CookieKind::Access => accepted.access_token,
        CookieKind::Refresh => accepted.refresh_token,
    }
}

/// The live sessions of the request's cookies of these kinds, each once.
///
/// # Errors
///
/// As [`find_live`].
pub(crate) async fn find_live_by_cookies(
    app: &App,
    headers: &HeaderMap,
    kinds: &[CookieKind],
    now: Time,
) -> Result<BTreeSet<PresentedSession>, AuthError> {
    let mut sessions = BTreeSet::new();
    for (kind, text) in credentials_in_cookies(app, headers, kinds) {
        sessions.extend(find_live(app, kind, text.expose(), now).await?);
    }
    Ok(sessions)
}

/// The values of the cookies of these kinds, each once.
pub(crate) fn credentials_in_cookies(
    app: &App,
    headers: &HeaderMap,
    kinds: &[CookieKind],
) -> Vec<(CookieKind, Secret<String>)> {
    let values = |kind: CookieKind| {
        let values: BTreeSet<&str> = cookie_values(headers, kind.name(app.parts.cookies.names())).collect();
        values.into_iter().map(move |text| (kind, Secret::new(text.to_owned())))
    };
    kinds.iter().copied().flat_map(values).collect()
}

/// The kinds of cookie whose session a login replaces. If the client gets its credentials in cookies it is all kinds,
/// because an old cookie of another kind would conflict with the new one.
pub(crate) const fn replaced_cookies(in_cookies: bool) -> &'static [CookieKind] {
    if in_cookies { &CookieKind::ALL } else { &[CookieKind::Session] }
}

/// Rejects two session cookies with different values: the order must not decide which session a login replaces.
///
/// # Errors
///
/// As [`multiple_credentials`].
pub(crate) async fn reject_two_session_cookies(
    app: &App,
    headers: &HeaderMap,
    now: Time,
) -> Result<(), AppError> {
    if credentials_in_cookies(app, headers, &[CookieKind::Session]).len() > 1 {
        return Err(multiple_credentials(app, headers, AcceptedCredentials::SESSION_TOKEN, now).await);
    }
    Ok(())
}
