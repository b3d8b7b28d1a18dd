//! What a logout reads and answers beside its body: the sessions of all credentials in the request, and the header that
//! deletes other data of the site.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue};

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{AcceptedCredentials, PresentedCredential, RequestCredentials};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::presented_sessions::{multiple_credentials, read_one_credential};
use crate::operations::error::OperationError;
use crate::operations::logout;
use crate::operations::presented_session::{PresentedSession, find_by_any_refresh_token};
use crate::settings::cookie_options::CookieKind;

/// W3C Clear Site Data, section 3.1.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// All kinds of credential.
const ACCEPTED: AcceptedCredentials = AcceptedCredentials::SESSION_OR_ACCESS_TOKEN.and_refresh_token();

/// Makes the browser delete other data of the site: caches and service workers may hold what the user has
/// seen.
pub(crate) fn clear_site_data(is_enabled: bool) -> HeaderMap {
    let value = HeaderValue::from_static(r#""cookies","storage""#);
    is_enabled.then_some((CLEAR_SITE_DATA, value)).into_iter().collect()
}

/// The sessions of the session or access token, and of the refresh token from a cookie or the body.
///
/// # Errors
///
/// 400 for credentials that differ; 403 for a limited access token; 503 if one cannot be verified at present.
pub(crate) async fn find_presented_sessions(
    app: &App,
    headers: &HeaderMap,
    body_token: Option<&Secret<String>>,
    now: Time,
) -> Result<BTreeSet<PresentedSession>, AppError> {
    let presented = read_one_credential(app, headers, ACCEPTED, now).await?;
    let cookie = presented.refresh_token.map(|token| token.0);
    let body_token = body_token.map(|token| token.expose().as_str());
    if cookie.is_some() && body_token.is_some() && cookie != body_token {
        return Err(multiple_credentials(app, headers, ACCEPTED, now).await);
    }
    let mut sessions = BTreeSet::new();
    if let Some(text) = cookie.or(body_token) {
        sessions.extend(find_by_any_refresh_token(app, text).await?);
    }
    sessions.extend(find_by_credential(app, &presented, &sessions, now).await?);
    Ok(sessions)
}

/// The session of a session or access token, if a logout with it may end the session.
async fn find_by_credential(
    app: &App,
    presented: &RequestCredentials<'_>,
    proven: &BTreeSet<PresentedSession>,
    now: Time,
) -> Result<Option<PresentedSession>, AppError> {
    let (kind, text) = match presented.credential {
        PresentedCredential::None => return Ok(None),
        PresentedCredential::SessionToken(text) => (CookieKind::Session, text),
        PresentedCredential::AccessToken(text) => (CookieKind::Access, text),
    };
    logout::find_by_credential(app, kind, text, proven, now).await.map_err(|error| match error {
        OperationError::Auth(error) => AppError::auth(error, presented.source),
        other => other.into(),
    })
}
