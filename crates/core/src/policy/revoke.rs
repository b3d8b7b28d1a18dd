//! Ending sessions: each in one commit with its entry in the log and its line in the journal.

use std::sync::Arc;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_verify::{SessionId, UserId};

use crate::kept::event::{Actor, Event, EventKind};
use crate::kept::session::{Cause, Circumstances, Ended};
use crate::policy::{ATTEMPTS, Failure, Trouble};
use crate::refusal::Unfit;
use crate::store::{Change, Committed, Ending, Store};

/// How long a revocation must be remembered: until the last access token that it could kill has expired.
#[derive(Debug, Clone, Copy)]
pub struct Horizon {
    /// The longest life that any access token of this installation has.
    pub longest_access: Duration,
}

/// What a verifier forgives a clock, and what two clocks may differ by.
const LEEWAY_AND_SKEW: Duration = Duration::from_secs(60 + 60);

impl Horizon {
    /// How a session ends at `now` for this reason.
    pub fn ending(&self, cause: Cause, now: Time) -> Ending {
        Ending { ended: Ended { at: now, cause }, until: self.until(now) }
    }

    /// Until when an entry made at `now` must be remembered.
    pub fn until(&self, now: Time) -> Time {
        now + self.longest_access + LEEWAY_AND_SKEW
    }
}

/// Ends sessions.
pub struct Revoker {
    store: Arc<dyn Store>,
    horizon: Arc<Horizon>,
}

/// Who ends something, why, and from where.
#[derive(Debug, Clone)]
pub struct Reason {
    /// Who.
    pub actor: Actor,
    /// Why.
    pub cause: Cause,
    /// From where.
    pub from: Circumstances,
}

impl Revoker {
    /// Ends what `store` keeps.
    pub fn new(store: Arc<dyn Store>, horizon: Arc<Horizon>) -> Self {
        Self { store, horizon }
    }

    /// Ends a session, if it is live: the record, the log and the journal in one commit. False if there is
    /// no such session, or it had ended before.
    ///
    /// # Errors
    ///
    /// If it could not be made durable; then nothing is said to have ended.
    pub async fn end(&self, session: SessionId, reason: &Reason, now: Time) -> Result<bool, Trouble> {
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
        reason: &Reason,
        now: Time,
    ) -> Result<bool, Trouble> {
        self.end_if(session, Some(owner), reason, now).await
    }

    async fn end_if(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        reason: &Reason,
        now: Time,
    ) -> Result<bool, Trouble> {
        let Some(kept) = self.store.session(session).await? else { return Ok(false) };
        if owner.is_some_and(|owner| owner != kept.user) || kept.is_live(now).is_err() {
            return Ok(false);
        }
        let event = Event {
            actor: reason.actor.clone(),
            ..Event::by_user(EventKind::SessionEnded, kept.user, &reason.from, now)
        };
        let changes = [
            Change::EndSession(session, self.horizon.ending(reason.cause, now)),
            Change::Record(Box::new(event.in_session(session, kept.client).because(reason.cause))),
        ];
        match self.store.commit(&changes).await? {
            Committed::Applied(applied) => Ok(applied.ended.contains(&session)),
            Committed::Lost(_) => Err(Failure::Contended.into()),
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
        reason: &Reason,
        now: Time,
    ) -> Result<usize, Trouble> {
        for _ in 0..ATTEMPTS {
            let Some(seen) = self.store.user(user).await? else { return Ok(0) };
            let event = Event {
                actor: reason.actor.clone(),
                session: except,
                ..Event::by_user(EventKind::SessionsEnded, user, &reason.from, now)
            };
            let mut changes = vec![
                Change::SwapUser(Box::new(seen.next_epoch())),
                Change::EndSessionsOf { user, except, ending: self.horizon.ending(reason.cause, now) },
                Change::Record(Box::new(event.because(reason.cause))),
            ];
            changes.extend(except.map(Change::Restamp));
            if let Committed::Applied(applied) = self.store.commit(&changes).await? {
                return Ok(applied.ended.len());
            }
            self.expect_live(except, now).await?;
        }
        Err(Failure::Contended.into())
    }

    /// Who shows a session that has ended meanwhile ends no others by it.
    async fn expect_live(&self, session: Option<SessionId>, now: Time) -> Result<(), Trouble> {
        let Some(session) = session else { return Ok(()) };
        let kept = self.store.session(session).await?.ok_or(Unfit::Unknown)?;
        Ok(kept.is_live(now)?)
    }
}
