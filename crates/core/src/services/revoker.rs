//! Ending sessions: each in one commit with its entry in the log and its line in the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::client_error::InvalidCredential;
use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, EndReason, SessionEnd};
use crate::services::{ATTEMPTS, InternalError, ServiceError};
use crate::store::{Change, CommitOutcome, SessionEnding, Store};

/// How long a revocation must be remembered: until the last access token that it could kill has expired.
///
/// It only rises: a token that was given under longer lifetimes lives on when they are shortened.
#[derive(Debug)]
pub struct RevocationRetention {
    /// The longest life that any access token of this installation may have, in seconds.
    max_access_lifetime: AtomicU64,
}

/// What a verifier forgives a clock, and what two clocks may differ by.
pub(super) const LEEWAY_AND_SKEW: Duration = Duration::from_secs(60 + 60);

impl RevocationRetention {
    /// The horizon of an installation whose access tokens live at most so long.
    pub fn new(max_access_lifetime: Duration) -> Self {
        Self { max_access_lifetime: AtomicU64::new(whole_seconds(max_access_lifetime)) }
    }

    /// The longest life that any access token of this installation may have.
    pub fn max_access_lifetime(&self) -> Duration {
        Duration::from_secs(self.max_access_lifetime.load(Ordering::SeqCst))
    }

    /// Takes into account that access tokens may live so long. To be called before any of them is given.
    pub fn raise_to(&self, max_access_lifetime: Duration) {
        self.max_access_lifetime.fetch_max(whole_seconds(max_access_lifetime), Ordering::SeqCst);
    }

    /// How a session ends at `now` for this reason.
    pub fn session_ending(&self, reason: EndReason, now: Time) -> SessionEnding {
        SessionEnding { end: SessionEnd { at: now, reason }, remember_until: self.remember_until(now) }
    }

    /// Until when an entry made at `now` must be remembered.
    pub fn remember_until(&self, now: Time) -> Time {
        now + self.max_access_lifetime() + LEEWAY_AND_SKEW
    }
}

/// In whole seconds, rounded up: rather remembered too long than not long enough.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Ends sessions.
pub struct Revoker {
    store: Arc<dyn Store>,
    retention: Arc<RevocationRetention>,
}

/// Who ends something, why, and from where.
#[derive(Debug, Clone)]
pub struct RevocationContext {
    /// Who.
    pub actor: Actor,
    /// Why.
    pub reason: EndReason,
    /// From where.
    pub client_info: ClientInfo,
}

impl RevocationContext {
    /// The line of the journal about a session that ends for this reason; whose it is the store puts in.
    pub fn session_ended_event(&self, now: Time) -> AuditEvent {
        AuditEvent::by_actor(AuditEventKind::SessionEnded, self.actor.clone(), &self.client_info, now)
            .with_reason(self.reason)
    }
}

impl Revoker {
    /// Ends what `store` keeps.
    pub fn new(store: Arc<dyn Store>, retention: Arc<RevocationRetention>) -> Self {
        Self { store, retention }
    }

    /// Ends a session that has not been ended: the record, the log and the journal in one commit. False if
    /// there is no such session, or it had been ended before.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then nothing is said to have ended.
    pub async fn end_session(
        &self,
        session: SessionId,
        context: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        self.end_session_if(session, None, context, now).await
    }

    /// Ends a session of `owner` and of nobody else.
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
        // One that has expired is ended all the same: its access tokens may outlive it by a verifier's leeway.
        if owner.is_some_and(|owner| owner != stored.user) || stored.ended.is_some() {
            return Ok(false);
        }
        let changes = [
            Change::EndSession(session, self.retention.session_ending(context.reason, now)),
            Change::RecordSessionEnds(Box::new(context.session_ended_event(now))),
        ];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(applied) => Ok(applied.ended_sessions.contains(&session)),
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// Ends every session of `user`, but `except`, in one transaction: a login in flight loses to it, the
    /// session that stays is stamped anew, the others end with one entry each. Returns how many ended.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then nothing is said to have ended.
    pub async fn end_user_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        context: &RevocationContext,
        now: Time,
    ) -> Result<usize, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(previous) = self.store.user(user).await? else { return Ok(0) };
            let event = AuditEvent {
                actor: context.actor.clone(),
                session: except,
                ..AuditEvent::by_user(AuditEventKind::SessionsEnded, user, &context.client_info, now)
            };
            let mut changes = vec![
                Change::ReplaceUser(Box::new(previous.next_epoch())),
                Change::EndSessionsOf {
                    user,
                    except,
                    ending: self.retention.session_ending(context.reason, now),
                },
                Change::RecordSessionEnds(Box::new(context.session_ended_event(now))),
                Change::RecordEvent(Box::new(event.with_reason(context.reason))),
            ];
            changes.extend(except.map(Change::RefreshPosition));
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                return Ok(applied.ended_sessions.len());
            }
            self.check_session(except, now).await?;
        }
        Err(InternalError::Contention.into())
    }

    /// Who shows a session that has ended meanwhile, or was killed by a mark, ends no others by it.
    async fn check_session(&self, session: Option<SessionId>, now: Time) -> Result<(), ServiceError> {
        let Some(session) = session else { return Ok(()) };
        let session_context = self.store.session_context(session).await?.ok_or(InvalidCredential::Unknown)?;
        session_context.session.check_active(now)?;
        Ok(session_context.check_access()?)
    }
}
