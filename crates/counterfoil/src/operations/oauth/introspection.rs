//! Introspection (RFC 7662): whether a token of any kind is active, and for whom.

use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::store::SessionContext;
use counterfoil_jose::{Time, base64url};
use counterfoil_verify::{AccessClaims, AuthError, Authenticator as _, PresentedCredential};

use crate::app::App;
use crate::operations::error::OperationError;
use crate::operations::oauth::introspected_token::IntrospectedToken;
use crate::operations::presented_session::can_refresh;

/// What the token says if it is active; `None` for one that is expired, revoked, unknown, no token of this issuer, or not for
/// `audience`.
///
/// Nothing is rotated or ended, also not by a refresh token that was used before. A session token counts as used.
///
/// # Errors
///
/// If the token cannot be verified at present: that is not the same as inactive.
pub(crate) async fn introspect(
    app: &App,
    token: &str,
    audience: Option<&str>,
    now: Time,
) -> Result<Option<IntrospectedToken>, OperationError> {
    // Before anything is read by which it is decided.
    app.parts.feed.begin_introspection().await?;
    let active = if token.starts_with(SessionToken::PREFIX) {
        introspect_session(app, token, now).await?
    } else if token.starts_with(RefreshToken::PREFIX) {
        introspect_refresh(app, token, now).await?
    } else {
        introspect_access(app, token, now)?
    };
    Ok(active.filter(|token| audience.is_none_or(|audience| token.is_for(audience))))
}

async fn introspect_session(
    app: &App,
    token: &str,
    now: Time,
) -> Result<Option<IntrospectedToken>, AuthError> {
    // Before the check, so that a revocation that the check does not see has a higher position.
    let position = app.parts.verifier.revocations().head();
    let presented = PresentedCredential::SessionToken(token);
    match app.parts.authenticator.authenticate(presented, now).wait().await {
        Ok(principal) => {
            Ok(IntrospectedToken::from_session(app.settings().issuer.as_str(), &principal, position))
        }
        Err(error @ (AuthError::Unavailable | AuthError::StaleRevocations)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// For any audience: a caller that names none checks it itself.
fn introspect_access(app: &App, token: &str, now: Time) -> Result<Option<IntrospectedToken>, AuthError> {
    let verifier = &app.parts.verifier;
    let verified = verifier.token_verifier().verify_ignoring_expiry_and_audience(token, now);
    let Some(principal) = verified.ok().filter(|principal| now < principal.expires_at()) else {
        return Ok(None);
    };
    let position = verifier.revocations().head();
    let status = verifier.revocations().check(principal.revocation_query());
    if status.revoked.is_some() {
        return Ok(None);
    }
    if !status.freshness.is_fresh(|| app.now()) {
        return Err(AuthError::StaleRevocations);
    }
    Ok(claims(token).map(|claims| IntrospectedToken::from_access(claims, position)))
}

/// The claims of a token whose signature is valid.
fn claims(token: &str) -> Option<AccessClaims> {
    let payload = base64url::decode(token.split('.').nth(1)?).ok()?;
    AccessClaims::from_json(&payload).ok()
}

async fn introspect_refresh(
    app: &App,
    token: &str,
    now: Time,
) -> Result<Option<IntrospectedToken>, OperationError> {
    let Ok(token) = token.parse::<RefreshToken>() else { return Ok(None) };
    let context = app.parts.store.session_context(token.session()).await?;
    let is_active = |context: &SessionContext| {
        can_refresh(app, &context.session, &token, now) && context.check_access().is_ok()
    };
    let active = context.filter(is_active);
    app.check_freshness()?;
    Ok(active.map(|context| IntrospectedToken::from_refresh(app.settings().issuer.as_str(), &context)))
}
