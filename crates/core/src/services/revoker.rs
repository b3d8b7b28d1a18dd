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
    longest_access: AtomicU64,
}

/// What a verifier forgives a clock, and what two clocks may differ by.
pub(super) const LEEWAY_AND_SKEW: Duration = Duration::from_secs(60 + 60);

impl RevocationRetention {
    /// The horizon of an installation whose access tokens live at most so long.
    pub fn new(longest_access: Duration) -> Self {
        Self { longest_access: AtomicU64::new(whole_seconds(longest_access)) }
    }

    /// The longest life that any access token of this installation may have.
    pub fn longest_access(&self) -> Duration {
        Duration::from_secs(self.longest_access.load(Ordering::SeqCst))
    }

    /// Takes into account that access tokens may live so long. To be called before any of them is given.
    pub fn raise(&self, longest_access: Duration) {
        self.longest_access.fetch_max(whole_seconds(longest_access), Ordering::SeqCst);
    }

    /// How a session ends at `now` for this reason.
    pub fn ending(&self, cause: EndReason, now: Time) -> SessionEnding {
        SessionEnding { ended: SessionEnd { at: now, cause }, until: self.until(now) }
    }

    /// Until when an entry made at `now` must be remembered.
    pub fn until(&self, now: Time) -> Time {
        now + self.longest_access() + LEEWAY_AND_SKEW
    }
}

/// In whole seconds, rounded up: rather remembered too long than not long enough.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Ends sessions.
pub struct Revoker {
    store: Arc<dyn Store>,
    horizon: Arc<RevocationRetention>,
}

/// Who ends something, why, and from where.
#[derive(Debug, Clone)]
pub struct RevocationContext {
    /// Who.
    pub actor: Actor,
    /// Why.
    pub cause: EndReason,
    /// From where.
    pub from: ClientInfo,
}

impl RevocationContext {
    /// The line of the journal about a session that ends for this reason; whose it is the store puts in.
    pub fn end_of_session(&self, now: Time) -> AuditEvent {
        AuditEvent::by(AuditEventKind::SessionEnded, self.actor.clone(), &self.from, now).because(self.cause)
    }
}

impl Revoker {
    /// Ends what `store` keeps.
    pub fn new(store: Arc<dyn Store>, horizon: Arc<RevocationRetention>) -> Self {
        Self { store, horizon }
    }

    /// Ends a session that has not been ended: the record, the log and the journal in one commit. False if
    /// there is no such session, or it had been ended before.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then nothing is said to have ended.
    pub async fn end(
        &self,
        session: SessionId,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        self.end_if(session, None, reason, now).await
    }

    /// Ends a session of `owner` and of nobody else.
    ///
    /// # Errors
    ///
    /// As [`Revoker::end`].
    pub async fn end_own(
        &self,
        owner: UserId,
        session: SessionId,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        self.end_if(session, Some(owner), reason, now).await
    }

    async fn end_if(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<bool, ServiceError> {
        let Some(kept) = self.store.session(session).await? else { return Ok(false) };
        // One that has expired is ended all the same: its access tokens may outlive it by a verifier's leeway.
        if owner.is_some_and(|owner| owner != kept.user) || kept.ended.is_some() {
            return Ok(false);
        }
        let changes = [
            Change::EndSession(session, self.horizon.ending(reason.cause, now)),
            Change::RecordSessionEnds(Box::new(reason.end_of_session(now))),
        ];
        match self.store.commit(&changes).await? {
            CommitOutcome::Applied(applied) => Ok(applied.ended.contains(&session)),
            CommitOutcome::Conflict(_) => Err(InternalError::Contention.into()),
        }
    }

    /// Ends every session of `user`, but `except`, in one transaction: a login in flight loses to it, the
    /// session that stays is stamped anew, the others end with one entry each. Returns how many ended.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then nothing is said to have ended.
    pub async fn end_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        reason: &RevocationContext,
        now: Time,
    ) -> Result<usize, ServiceError> {
        for _ in 0..ATTEMPTS {
            let Some(seen) = self.store.user(user).await? else { return Ok(0) };
            let event = AuditEvent {
                actor: reason.actor.clone(),
                session: except,
                ..AuditEvent::by_user(AuditEventKind::SessionsEnded, user, &reason.from, now)
            };
            let mut changes = vec![
                Change::ReplaceUser(Box::new(seen.next_epoch())),
                Change::EndSessionsOf { user, except, ending: self.horizon.ending(reason.cause, now) },
                Change::RecordSessionEnds(Box::new(reason.end_of_session(now))),
                Change::Record(Box::new(event.because(reason.cause))),
            ];
            changes.extend(except.map(Change::RefreshPosition));
            if let CommitOutcome::Applied(applied) = self.store.commit(&changes).await? {
                return Ok(applied.ended.len());
            }
            self.expect_live(except, now).await?;
        }
        Err(InternalError::Contention.into())
    }

    /// Who shows a session that has ended meanwhile, or was killed by a mark, ends no others by it.
    async fn expect_live(&self, session: Option<SessionId>, now: Time) -> Result<(), ServiceError> {
        let Some(session) = session else { return Ok(()) };
        let standing = self.store.standing(session).await?.ok_or(InvalidCredential::Unknown)?;
        standing.session.is_live(now)?;
        Ok(standing.holds()?)
    }
}
