//! Token revocation (RFC 7009): the holder of a token makes it invalid.

use std::collections::BTreeSet;

use counterfoil_core::credentials::admin_key::AdminKey;
use counterfoil_core::credentials::refresh_token::RefreshToken;
use counterfoil_core::credentials::session_token::SessionToken;
use counterfoil_core::credentials::verifier_key::VerifierKey;
use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason, Mode};
use counterfoil_core::services::revoker::{LEEWAY_AND_SKEW, RevocationContext};
use counterfoil_jose::Time;
use counterfoil_verify::{AuthError, Principal, RevocationSubject};

use crate::app::App;
use crate::limits::write_rate::Writer;
use crate::operations::error::OperationError;
use crate::operations::logout;
use crate::operations::presented_session::{
    PresentedSession, end_sessions, find_by_any_refresh_token, find_live,
};
use crate::settings::cookie_options::CookieKind;

/// How a revocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RevocationOutcome {
    /// The token is not valid: it was revoked durably, or was no valid token before.
    Invalid,
    /// The request names another client than that of the token. The token stays valid.
    IssuedToAnotherClient,
    /// It is the key of a program.
    UnsupportedTokenType,
}

/// Who revokes.
#[derive(Debug)]
pub(crate) struct RevokingClient<'a> {
    /// The client that the request names.
    pub(crate) id: Option<&'a str>,
    /// Where the request comes from.
    pub(crate) info: ClientInfo,
}

/// Revokes a token in the name of its user. Who holds the token may revoke it: the clients are public ones.
///
/// - *Session token*: ends the session.
/// - *Refresh token*, of any generation: ends the session, with its access tokens.
/// - *Access token*: revokes this token. Without another credential its session is of no use, and ends too, unless the token is
///   limited: it must not do more than it was issued for.
///
/// # Errors
///
/// If the token cannot be verified at present, its revocation is not durable, or a rate limit is reached. Then it must be
/// treated as valid.
pub(crate) async fn revoke(
    app: &App,
    token: &str,
    client: &RevokingClient<'_>,
    now: Time,
) -> Result<RevocationOutcome, OperationError> {
    if token.starts_with(VerifierKey::PREFIX) || token.starts_with(AdminKey::PREFIX) {
        return Ok(RevocationOutcome::UnsupportedTokenType);
    }
    let presented = if token.starts_with(SessionToken::PREFIX) {
        find_live(app, CookieKind::Session, token, now).await?
    } else if token.starts_with(RefreshToken::PREFIX) {
        find_by_any_refresh_token(app, token).await?
    } else {
        return revoke_access_token(app, token, client, now).await;
    };
    match presented {
        Some(presented) => end_session(app, presented, client, now).await,
        None => Ok(RevocationOutcome::Invalid),
    }
}

async fn end_session(
    app: &App,
    presented: PresentedSession,
    client: &RevokingClient<'_>,
    now: Time,
) -> Result<RevocationOutcome, OperationError> {
    if let Some(id) = client.id {
        let session = app.parts.store.session(presented.session).await?;
        if session.is_some_and(|session| session.client.as_str() != id) {
            return Ok(RevocationOutcome::IssuedToAnotherClient);
        }
    }
    end_sessions(app, BTreeSet::from([presented]), EndReason::Logout, &client.info, now).await?;
    Ok(RevocationOutcome::Invalid)
}

async fn revoke_access_token(
    app: &App,
    token: &str,
    client: &RevokingClient<'_>,
    now: Time,
) -> Result<RevocationOutcome, OperationError> {
    let verifier = &app.parts.verifier;
    let Ok(principal) = verifier.token_verifier().verify_ignoring_expiry_and_audience(token, now) else {
        return Ok(RevocationOutcome::Invalid);
    };
    // A verifier accepts it for a leeway after its expiry.
    let has_expired = now > principal.expires_at() + LEEWAY_AND_SKEW;
    if has_expired || verifier.revocations().revoked_by(principal.revocation_query()).is_some() {
        return Ok(RevocationOutcome::Invalid);
    }
    let token_client = principal.client_id();
    if client.id.is_some_and(|id| token_client.is_some_and(|of_token| of_token.as_str() != id)) {
        return Ok(RevocationOutcome::IssuedToAnotherClient);
    }
    match find_session_without_other_credential(app, &principal).await? {
        Some(presented) => end_session(app, presented, client, now).await,
        None => revoke_single_token(app, &principal, client, now).await,
    }
}

/// The session of an access token, if it has no other credential and a logout with this one may end it.
async fn find_session_without_other_credential(
    app: &App,
    principal: &Principal,
) -> Result<Option<PresentedSession>, OperationError> {
    let presented = match logout::find_by_principal(app, principal).await {
        Err(OperationError::Auth(AuthError::Forbidden(_))) => None,
        found => found?,
    };
    let Some(presented) = presented else { return Ok(None) };
    let session = app.parts.store.session(presented.session).await?;
    // One that has ended revokes nothing more.
    let is_live = session.is_some_and(|session| session.mode() == Mode::Jwt && session.ended.is_none());
    Ok(is_live.then_some(presented))
}

async fn revoke_single_token(
    app: &App,
    principal: &Principal,
    client: &RevokingClient<'_>,
    now: Time,
) -> Result<RevocationOutcome, OperationError> {
    let Some(token) = principal.token_id() else { return Ok(RevocationOutcome::Invalid) };
    // Each exchange makes another token, whose revocation takes place on the disk.
    let writer = Writer { session: principal.session_id(), user: principal.user_id(), ip: client.info.ip };
    app.parts.write_rate_limiter.count(&writer, now)?;
    let context = RevocationContext {
        actor: principal.user_id().map_or(Actor::Anonymous, Actor::User),
        reason: EndReason::Logout,
        client_info: client.info.clone(),
    };
    app.parts.administration.revoke(&RevocationSubject::Token(token), None, &context, now).await?;
    Ok(RevocationOutcome::Invalid)
}
