//! Exchange of a refresh token for the next pair of tokens.

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::issuer::{IssuedSession, TokenPair};
use counterfoil_jose::Time;

use crate::app::App;
use crate::operations::application_users::check_session;
use crate::operations::credential::IssuedCredential;
use crate::operations::error::OperationError;
use crate::settings::cookie_options::CookieKind;

/// Issues the next pair. A refresh token that is used again after the grace period ends its session.
///
/// # Errors
///
/// An invalid, used or expired token; a scope that was not granted; a rate limit; a store that fails.
pub(crate) async fn refresh(
    app: &App,
    token: &RefreshToken,
    scope: Option<&str>,
    in_cookies: bool,
    client_info: &ClientInfo,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, OperationError> {
    let max_token_length = in_cookies.then(|| CookieKind::Access.max_value_len(app.parts.cookies.names()));
    let refreshed = try_refresh(app, token, (scope, max_token_length), client_info, now).await;
    let issued = app.parts.metrics.refreshes.count(refreshed)?;
    let (session, user) = (issued.session.id, issued.session.user);
    app.parts.write_rate_limiter.record_refresh(session, user, client_info.ip, now);
    Ok(issued.map(|pair| IssuedCredential::from_token_pair(&pair)))
}

async fn try_refresh(
    app: &App,
    token: &RefreshToken,
    (scope, max_token_length): (Option<&str>, Option<usize>),
    client_info: &ClientInfo,
    now: Time,
) -> Result<IssuedSession<TokenPair>, OperationError> {
    app.parts.write_rate_limiter.check_refresh(token.session(), client_info.ip, now)?;
    check_session(app, token.session(), client_info, now).await?;
    let issued = app.parts.issuer.refresh_within(token, scope, max_token_length, client_info, now).await?;
    // A repeated answer is written nowhere, so a database that is no longer the primary would give it as well.
    app.check_freshness()?;
    Ok(issued)
}
