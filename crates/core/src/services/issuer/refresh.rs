//! Refresh: rotates the refresh token and detects the reuse of an old one.

use std::sync::atomic::Ordering;

use counterfoil_jose::Time;

use crate::client_error::{ClientError, InvalidCredential, RateLimitReached};
use crate::credentials::refresh_token::RefreshToken;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, RefreshOutcome, Session, SessionCredential};
use crate::services::issuer::{
    IssuedAccessToken, IssuedSession, Issuer, TokenContent, TokenPair, check_token_length, narrowed_scope,
    seconds, session_event,
};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, Expectation, SessionContext, Transaction};

impl Issuer {
    /// Rotates a refresh token: issues the next pair, or the same pair again within the grace period.
    ///
    /// # Errors
    ///
    /// [`ClientError::Credential`] for any fault of the token, its session, user or client. [`ClientError::NotGranted`] if
    /// the client may no longer request the scope or the audience. If a used token is presented
    /// after the grace period, the session is ended before this returns (RFC 9700, section 4.14.2): the owner or a thief
    /// presents it, and the server cannot know which.
    pub async fn refresh(
        &self,
        presented: &RefreshToken,
        narrowed: Option<&str>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<IssuedSession<TokenPair>, ServiceError> {
        self.refresh_within(presented, narrowed, None, client_info, now).await
    }

    /// As [`Issuer::refresh`], with a maximum length of the access token in characters
    /// ([`NewSession::max_token_length`](crate::services::issuer::NewSession::max_token_length)).
    ///
    /// # Errors
    ///
    /// As [`Issuer::refresh`]; [`ClientError::Field`] for a longer token. Then nothing is rotated.
    pub async fn refresh_within(
        &self,
        presented: &RefreshToken,
        narrowed: Option<&str>,
        max_token_length: Option<usize>,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<IssuedSession<TokenPair>, ServiceError> {
        for _ in 0..ATTEMPTS {
            // The context holds the log position of this read: a later revocation has a higher one and revokes the token.
            let session_context =
                self.store.session_context(presented.session()).await?.ok_or(InvalidCredential::Unknown)?;
            let key = session_context.session.refresh_token_key_id().ok_or(InvalidCredential::WrongKind)?;
            let keys = self.keys.active_keys();
            let key = keys.refresh_token_key_by_id(key).ok_or(InvalidCredential::Unknown)?;
            let outcome = session_context.session.rotate(presented, key, self.grace, now)?;
            let granted = match outcome {
                // The session ends, whatever else the request says.
                RefreshOutcome::ReuseDetected => None,
                RefreshOutcome::Rotate(_)
                | RefreshOutcome::RepeatCurrent
                | RefreshOutcome::RepeatWithinGrace => {
                    session_context.check_access()?;
                    // Before the rotation: after a request for too much scope, without the claims of the application, or
                    // with too many of them, the presented token is still good.
                    let access = self.refreshed_access(&session_context, narrowed, now)?;
                    Some(check_token_length(access, max_token_length)?)
                }
            };
            let Some(session) = self.apply_refresh(&session_context, outcome, client_info, now).await? else {
                continue;
            };
            let access = granted.ok_or(InvalidCredential::RefreshReuseDetected)?;
            let pair = self.token_pair(&session, access)?;
            return Ok(IssuedSession { session, credential: pair, user: session_context.user });
        }
        Err(InternalError::Contention.into())
    }

    /// The new access token. A rotation changes nothing that it states.
    fn refreshed_access(
        &self,
        session_context: &SessionContext,
        narrowed: Option<&str>,
        now: Time,
    ) -> Result<IssuedAccessToken, ServiceError> {
        let SessionContext { session, user, client, .. } = session_context;
        let scope = narrowed_scope(session.scope.as_deref(), narrowed)?.map(str::to_owned);
        // The client may have lost them since the login.
        if scope.as_deref().is_some_and(|scope| !client.allows_scope(scope)) {
            return Err(ClientError::NotGranted("scope").into());
        }
        if session.audience.as_deref().is_some_and(|audience| !self.allows_audience(client, audience)) {
            return Err(ClientError::NotGranted("audience").into());
        }
        let (lifetime, pos) = (seconds(client.lifetimes.access), session_context.revocation_log_head);
        let content = self.token_content(session, user, lifetime, pos, now)?;
        self.sign_access_token(TokenContent { scope, ..content })
    }

    /// Stores the outcome. `None` if another request changed the session first; then the token is checked again.
    async fn apply_refresh(
        &self,
        session_context: &SessionContext,
        outcome: RefreshOutcome,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<Session>, ServiceError> {
        let stored = &session_context.session;
        match outcome {
            RefreshOutcome::Rotate(next) => {
                self.store_rotation(session_context, *next, client_info, now).await
            }
            RefreshOutcome::RepeatCurrent | RefreshOutcome::RepeatWithinGrace => {
                self.repeat_response(stored, client_info, now).await.map(Some)
            }
            RefreshOutcome::ReuseDetected => {
                let ending = Change::end_session(
                    stored.id,
                    self.retention.session_ending(EndReason::RefreshReuseDetected, now),
                );
                let event = session_event(stored, AuditEventKind::RefreshReuseDetected, client_info, now);
                let event = AuditEvent {
                    actor: Actor::Anonymous,
                    ..event.with_reason(EndReason::RefreshReuseDetected)
                };
                match self.store.commit(&[ending, Change::record_event(event)].into()).await? {
                    CommitOutcome::Applied(_) | CommitOutcome::Conflict(_) => {
                        Err(InvalidCredential::RefreshReuseDetected.into())
                    }
                }
            }
        }
    }

    async fn store_rotation(
        &self,
        session_context: &SessionContext,
        next: Session,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Option<Session>, ServiceError> {
        let next = Session { client_info: client_info.clone(), ..next };
        let expectations = [
            Expectation::Epoch(session_context.user.id, session_context.user.epoch),
            Expectation::ClientRevision(session_context.client.id.clone(), session_context.client.revision),
        ];
        let event = || session_event(&next, AuditEventKind::Refreshed, client_info, now);
        let is_recorded = is_recorded(&session_context.session, client_info, now);
        let changes = [Change::replace_session(next.clone())]
            .into_iter()
            .chain(is_recorded.then(|| Change::record_event(event())))
            .chain(self.missing_status_index(&session_context.session, now))
            .collect::<Vec<_>>();
        match self.store.commit(&Transaction::new(changes).expecting(expectations)).await? {
            CommitOutcome::Applied(_) => {
                self.last_rotation.fetch_max(now.unix_ms(), Ordering::Relaxed);
                self.rotations.fetch_add(1, Ordering::Relaxed);
                Ok(Some(next))
            }
            CommitOutcome::Conflict(_) => Ok(None),
        }
    }

    /// Gives a session that has none an index in the status lists, which its next token names: at the first exchange of a
    /// session token, and for a session of before the lists.
    pub(super) fn missing_status_index(&self, session: &Session, now: Time) -> Option<Change> {
        let lists = self.status_references.as_ref().filter(|_| session.status_index.is_none())?;
        Some(lists.assign(session.id, None, now))
    }

    /// How many refresh tokens were rotated since the start, for the metrics.
    pub fn rotations(&self) -> u64 {
        self.rotations.load(Ordering::Relaxed)
    }

    /// How many refreshes repeated an earlier response, for the metrics.
    pub fn repeated_refreshes(&self) -> u64 {
        self.replay_counter.allowed()
    }

    /// Repeats the response without a rotation. It is audited if the client's address or user agent differ.
    async fn repeat_response(
        &self,
        stored: &Session,
        client_info: &ClientInfo,
        now: Time,
    ) -> Result<Session, ServiceError> {
        let SessionCredential::Refresh { counter, .. } = stored.credential else {
            return Err(InvalidCredential::WrongKind.into());
        };
        if !self.replay_counter.allow(stored.id, counter, now) {
            let limit = "repetitions of a refresh within the grace period";
            let retry_after = self.grace.length;
            return Err(ClientError::RateLimited(RateLimitReached { limit, retry_after }).into());
        }
        if stored.client_info != *client_info {
            let event = session_event(stored, AuditEventKind::RefreshRetried, client_info, now);
            let _: CommitOutcome = self.store.commit(&[Change::record_event(event)].into()).await?;
        }
        Ok(stored.clone())
    }
}

/// Whether the audit log records a rotation of the session: the first in each hour, and each that comes from another
/// client than the one before. A client that refreshes in a loop fills no disk.
fn is_recorded(session: &Session, client_info: &ClientInfo, now: Time) -> bool {
    let hour = |time: Time| time.unix_seconds() / 3600;
    let SessionCredential::Refresh { rotated_at, .. } = session.credential else { return true };
    session.client_info != *client_info || hour(rotated_at) != hour(now)
}
