//! Token exchange: an access token for another audience or a narrower scope, from an active session.

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, SessionId};

use crate::client_error::{ClientError, InvalidCredential};
use crate::model::audit_event::{AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, Session};
use crate::model::status_index::StatusIndex;
use crate::services::ServiceError;
use crate::services::issuer::{
    AccessBounds, IssuedAccessToken, Issuer, MAX_EXCHANGED_LIFETIME, TokenContent, TokenRequest,
    narrowed_scope, session_event,
};
use crate::store::{Change, CommitOutcome, Expectation, SessionContext, Transaction};

impl Issuer {
    /// Issues an access token from an active session, for the requested audience and scope.
    ///
    /// `position` is one at which the presented credential was valid: a head of the revocation log that was read before the
    /// credential was checked. The new token has this position, and not that of the session, so that a revocation of the
    /// credential in the meantime revokes it too. A password change keeps the session: the thief of its former credential
    /// would otherwise get a token in that moment that stays valid.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotGranted`] if the request exceeds what the client may request or what the presented token has;
    /// [`ClientError::Credential`] if the presented token has expired. The clock leeway of verifiers does not apply.
    pub async fn exchange(
        &self,
        (session, position): (SessionId, RevocationPosition),
        bounds: Option<&AccessBounds>,
        request: &TokenRequest,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<(IssuedAccessToken, Option<String>), ServiceError> {
        let session_context = self.store.session_context(session).await?.ok_or(InvalidCredential::Unknown)?;
        session_context.session.check_active(now)?;
        session_context.check_access()?;
        // No leeway: exchanging a token just after its expiry again and again would extend it without end.
        if bounds.is_some_and(|bounds| bounds.expires_at <= now) {
            return Err(InvalidCredential::Expired.into());
        }
        let scope = self.granted_scope(&session_context, bounds, request)?;
        let audience = request.audience.clone().map_or_else(|| self.default_audience(), |one| vec![one]);
        let lifetime = bounds.map_or(MAX_EXCHANGED_LIFETIME, |bounds| {
            MAX_EXCHANGED_LIFETIME.min(bounds.expires_at.since(now))
        });
        let stored = session_context.session;
        let content = self.token_content(&stored, &session_context.user, lifetime, position, now)?;
        let claims = self.first_claims(TokenContent { scope: scope.clone(), audience, ..content }, None)?;
        let status_index =
            self.record_exchange(&stored, request.audience.as_deref(), client_info, now).await?;
        let access = self.sign_first(claims, &Session { status_index, ..stored })?;
        Ok((access, scope))
    }

    /// Records an exchange, once for each session, audience and hour, and gives the session an index in the status lists at
    /// its first one. Returns the index.
    ///
    /// An exchange that is recorded already needs no commit. If the session ends after it was read, its revocation revokes
    /// the token.
    async fn record_exchange(
        &self,
        session: &Session,
        audience: Option<&str>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<StatusIndex>, ServiceError> {
        let due = self.exchange_log.take(session.id, audience, now);
        let event = due.as_ref().map(|due| {
            let event = session_event(session, AuditEventKind::TokenExchanged, client_info, now);
            Change::record_event(AuditEvent {
                detail: due.detail.map(|text| text.to_owned().into()),
                ..event
            })
        });
        let changes: Vec<_> = event.into_iter().chain(self.missing_status_index(session, now)).collect();
        if changes.is_empty() {
            return Ok(session.status_index);
        }
        let transaction = Transaction::new(changes).expecting([Expectation::ActiveSession(session.id, now)]);
        match self.store.commit(&transaction).await {
            Ok(CommitOutcome::Applied(applied)) => Ok(applied.status_index.or(session.status_index)),
            Ok(CommitOutcome::Conflict(_)) => Err(InvalidCredential::Ended(None).into()),
            Err(error) => {
                due.iter().for_each(|due| self.exchange_log.put_back(due));
                Err(error.into())
            }
        }
    }

    /// The scope to grant, if the client may request this audience and scope.
    fn granted_scope(
        &self,
        session_context: &SessionContext,
        bounds: Option<&AccessBounds>,
        request: &TokenRequest,
    ) -> Result<Option<String>, ClientError> {
        let session_scope = &session_context.session.scope;
        let is_narrowed = bounds.map_or(session_scope, |bounds| &bounds.scope).is_some();
        let allowed = |audience: &String| {
            // The issuer accepts only credentials for itself, so it is the audience of the presented one. One that is limited
            // to a scope gets no token for another service, where the same scope may allow more.
            if is_narrowed {
                return *audience == self.issuer;
            }
            self.allows_audience(&session_context.client, audience)
        };
        if !request.audience.as_ref().is_none_or(allowed) {
            return Err(ClientError::NotGranted("audience"));
        }
        let request = request.scope.as_deref();
        let scope = match (bounds, session_scope) {
            (Some(bounds), _) => narrowed_scope(bounds.scope.as_deref(), request)?,
            (None, Some(granted)) => narrowed_scope(Some(granted), request)?,
            // A session without a scope may request every scope of its client.
            (None, None) => request,
        };
        if scope.is_some_and(|scope| !session_context.client.allows_scope(scope)) {
            return Err(ClientError::NotGranted("scope"));
        }
        Ok(scope.map(str::to_owned))
    }
}
