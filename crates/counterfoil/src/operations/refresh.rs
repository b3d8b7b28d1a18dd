//! Exchange of a refresh token for the next pair of tokens.

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::model::session::ClientInfo;
use counterfoil_core::services::issuer::IssuedSession;
use counterfoil_jose::Time;

use crate::app::App;
use crate::operations::credential::IssuedCredential;
use crate::operations::error::OperationError;
use crate::settings::cookie_options::CookieKind;

/// Issues the next pair. A refresh token that is used again after the grace period ends its session.
///
/// # Errors
///
/// An invalid, used or expired token; a scope that was not granted; a store that fails.
pub(crate) async fn refresh(
    app: &App,
    token: &RefreshToken,
    scope: Option<&str>,
    in_cookies: bool,
    client_info: &ClientInfo,
    now: Time,
) -> Result<IssuedSession<Vec<IssuedCredential>>, OperationError> {
    let max_token_length = in_cookies.then(|| CookieKind::Access.max_value_len(app.cookies.names()));
    let result = app.issuer.refresh_within(token, scope, max_token_length, client_info, now).await;
    let result = result.map_err(OperationError::from);
    let issued = app.metrics.refreshes.count(result)?;
    Ok(issued.map(|pair| IssuedCredential::from_token_pair(&pair)))
}
