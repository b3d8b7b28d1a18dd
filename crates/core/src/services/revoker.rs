//! Ends sessions, each in one commit with its revocation log entry and its audit event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::client_error::InvalidCredential;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, SessionEnd};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, SessionEnding, Store, complete_session_ends};

/// How long a revocation log entry must be kept: until the last access token that it revokes has expired.
///
/// It only rises: a token that was issued with a longer lifetime stays valid when the lifetime is shortened.
#[derive(Debug)]
pub struct RevocationRetention {
    /// The maximum lifetime of any access token of this installation, in seconds.
    max_access_lifetime: AtomicU64,
}

/// How long a revocation is remembered after the last token that it revokes has expired: the leeway of a verifier (60 s), and
/// the maximum difference between two clocks (60 s).
pub const LEEWAY_AND_SKEW: Duration = Duration::from_secs(60 + 60);

impl RevocationRetention {
    /// Creates the retention for access tokens with at most this lifetime.
    pub fn new(max_access_lifetime: Duration) -> Self {
        Self { max_access_lifetime: AtomicU64::new(whole_seconds(max_access_lifetime)) }
    }

    /// The maximum lifetime of any access token of this installation.
    pub fn max_access_lifetime(&self) -> Duration {
        Duration::from_secs(self.max_access_lifetime.load(Ordering::SeqCst))
    }

    /// Raises the maximum lifetime. Must be called before a token with this lifetime is issued.
    pub fn raise_to(&self, max_access_lifetime: Duration) {
        self.max_access_lifetime.fetch_max(whole_seconds(max_access_lifetime), Ordering::SeqCst);
    }

    /// The end of a session at `now` for this reason.
    pub fn session_ending(&self, reason: EndReason, now: Time) -> SessionEnding {
        SessionEnding { end: SessionEnd { at: now, reason }, remember_until: self.remember_until(now) }
    }

    /// Until when a revocation log entry made at `now` must be kept.
    pub fn remember_until(&self, now: Time) -> Time {
        now + self.max_access_lifetime() + LEEWAY_AND_SKEW
    }
}

/// Rounds up to whole seconds: an entry must not be removed too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Ends sessions.
pub struct Revoker {
    store: Arc<dyn Store>,
    retention: Arc<RevocationRetention>,
}

/// Who revokes or changes something, why, and from where; for the audit log.
#[derive(Debug, Clone)]
pub struct RevocationContext {
    /// The actor.
    pub actor: Actor,
    /// The reason.
    pub reason: EndReason,
    /// The client that the request came from.
    pub client_info: ClientInfo,
}

impl RevocationContext {
    /// The audit event for a session that ends for this reason. The store adds the session and its user.
    pub fn session_ended_event(&self, now: Time) -> AuditEvent {
        self.event(AuditEventKind::SessionEnded, now).with_reason(self.reason)
    }

    /// An audit event by this actor from this client.
    pub(super) fn event(&self, kind: AuditEventKind, now: Time) -> AuditEvent {
        AuditEvent::by_actor(kind, self.actor.clone(), &self.client_info, now)
    }
}

impl Revoker {
    /// Creates a revoker for the sessions of `store`.
    pub fn new(store: Arc<dyn Store>, retention: Arc<RevocationRetention>) -> Self {
        Self { store, retention }
    }

    /// Ends a session, in one commit with the revocation log entry and the audit event. False if there is no such
    /// session, or if it was ended before.
    ///
    /// # Errors
    ///
    /// If the commit failed. Then the session must be treated as not ended.
    pub async fn end_session(
        &self,
        session: SessionId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        self.end_session_if(session, None, context, now).await
    }

    /// Ends a session if it belongs to `owner`. False otherwise, as if there were no such session.
    ///
    /// # Errors
    ///
    /// As [`Revoker::end_session`].
    pub async fn end_own_session(
        &self,
        owner: UserId,
        session: SessionId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        self.end_session_if(session, Some(owner), context, now).await
    }

    async fn end_session_if(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        context: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        let Some(stored) = self.store.session(session).await? else { return Ok(false) };
        // An expired session is ended, too: its access tokens are valid for the leeway of a verifier longer.
        if owner.is_some_and(|owner| owner != stored.user) || stored.ended.is_some() {
            return Ok(false);
        }
        let changes = [
            Change::end_session(session, self.retention.session_ending(context.reason, now)),
            // The store fills in user and client.
            Change::record_session_ends(
                context.session_ended_event(now).with_user(stored.user).with_client(stored.client),
            ),
        ];
        match self.store.commit(&changes.into()).await? {
            CommitOutcome::Applied(applied) => Ok(applied.ended_sessions.contains(&session)),
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// Ends every session of `user` except `except`, in one commit: concurrent logins fail, the excepted session gets the
    /// new log position, and each other session gets one revocation log entry. Returns how many sessions ended. Without
    /// such a session it changes and records nothing.
    ///
    /// Very many sessions are revoked by that commit and get their entries by the next ones, before it returns.
    ///
    /// # Errors
    ///
    /// [`ClientError::Credential`](crate::ClientError::Credential) if `except` is no longer active. Otherwise the commit
    /// failed, and the sessions must be treated as not ended.
    pub async fn end_user_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        context: &RevocationContext,
        now: Time,
    ) -> Result<usize, ServiceError> {
        if !self.store.has_sessions_to_end(user, except).await? {
            return Ok(0);
        }
        for _ in 0..ATTEMPTS {
            let Some(previous) = self.store.user(user).await? else { return Ok(0) };
            let event = AuditEvent {
                session: except,
                ..context.event(AuditEventKind::SessionsEnded, now).with_user(user)
            };
            let mut changes = vec![
                Change::replace_user(previous.next_epoch()),
                Change::end_sessions_of(user, except, self.retention.session_ending(context.reason, now)),
                Change::record_session_ends(context.session_ended_event(now).with_user(user)),
                Change::record_event(event.with_reason(context.reason)),
            ];
            changes.extend(except.map(Change::refresh_position));
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes.into()).await? {
                let later = complete_session_ends(&*self.store, &applied.pending_ends).await?;
                return Ok(applied.ended_sessions.len() + later);
            }
            self.check_session(except, now).await?;
        }
        Err(InternalError::Contention.into())
    }

    /// Checks that the excepted session is still active: an ended or revoked session must not end other sessions.
    async fn check_session(&self, session: Option<SessionId>, now: Time) -> Result<(), ServiceError> {
        let Some(session) = session else { return Ok(()) };
        let session_context = self.store.session_context(session).await?.ok_or(InvalidCredential::Unknown)?;
        session_context.session.check_active(now)?;
        Ok(session_context.check_access()?)
    }
}
