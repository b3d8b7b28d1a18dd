//! What the row operations of a transaction have done so far, for the operations after them.

use std::collections::BTreeSet;

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationPosition, RevocationSubject, SessionId, UserId};

use crate::model::audit_event::{Actor, AuditEvent, AuditEventKind};
use crate::model::session::{ClientInfo, Session};
use crate::model::status_index::StatusIndex;
use crate::store::change::{
    MAX_ENDED_PER_COMMIT, NewRevocation, SessionEnding, SessionsToEnd, SessionsToRefresh,
};
use crate::store::outcome::AppliedChanges;
use crate::store::pending_end::PendingSessionEnd;
use crate::store::query::SessionData;
use crate::store::status_index::EndedSession;

/// What has been applied of a transaction. A back end reports to it what its statements have found, and asks
/// it what the next operation writes.
#[derive(Debug, Default)]
pub struct CommitProgress {
    applied: AppliedChanges,
    /// The new entries of the revocation log, in the order of the changes.
    entries: Vec<NewRevocation>,
    refreshed: BTreeSet<SessionId>,
    /// Whether all cookie sessions get the position too.
    refreshes_cookies: bool,
    /// How many of the ended sessions are recorded in the audit log.
    recorded_ends: usize,
    /// The users who have more sessions than this commit ends.
    unfinished: Vec<UnfinishedEnd>,
    position: Option<RevocationPosition>,
}

/// The end of all sessions of a user, which were too many for one commit.
#[derive(Debug)]
struct UnfinishedEnd {
    user: UserId,
    except: Option<SessionId>,
    ending: SessionEnding,
    event: Option<AuditEvent>,
}

/// Which positions of the revocation log a transaction takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewPositions {
    /// None, and nothing depends on one.
    None,
    /// None; what depends on a position uses the head.
    Head,
    /// The next `count` positions. None of them is below `at` in Unix milliseconds.
    Take {
        /// The number of positions, at least one.
        count: u64,
        /// The newest time of the entries.
        at: Time,
        /// The entries for the first positions, in order.
        entries: Vec<NewRevocation>,
    },
}

impl CommitProgress {
    /// A session was replaced. Its new revision may have ended.
    pub fn session_replaced(&mut self, session: &Session) {
        if let Some(end) = session.ended {
            self.applied.ended_sessions.push(session.id);
            self.applied.end_reasons.push(end.reason);
        }
    }

    /// These of the `selected` sessions had not ended, and have ended now. Each gets an entry in the revocation log.
    pub fn sessions_ended(
        &mut self,
        selected: SessionsToEnd,
        ended: Vec<EndedSession>,
        ending: SessionEnding,
    ) {
        if let SessionsToEnd::AllOf { user, except } = selected
            && ended.len() >= MAX_ENDED_PER_COMMIT as usize
        {
            self.unfinished.push(UnfinishedEnd { user, except, ending, event: None });
        }
        for EndedSession { id: session, status_index } in ended {
            self.applied.ended_sessions.push(session);
            self.applied.end_reasons.push(ending.end.reason);
            self.entries.push(NewRevocation {
                subject: RevocationSubject::Session(session),
                reason: ending.end.reason,
                at: ending.end.at,
                remember_until: Some(ending.remember_until),
                status_index,
            });
        }
    }

    /// A session has this index in the status lists.
    pub fn status_index_assigned(&mut self, index: StatusIndex) {
        self.applied.status_index = Some(index);
    }

    /// The sessions of this commit that have ended since the previous call, to be recorded by `event`. So are those that
    /// remain to be ended.
    pub fn take_unrecorded_ends(&mut self, event: &AuditEvent) -> Vec<SessionId> {
        for unfinished in &mut self.unfinished {
            unfinished.event.get_or_insert_with(|| event.clone().with_user(unfinished.user));
        }
        let recorded = std::mem::replace(&mut self.recorded_ends, self.applied.ended_sessions.len());
        self.applied.ended_sessions[recorded..].to_vec()
    }

    /// An audit event that the store has completed and inserted.
    pub fn derived_event_inserted(&mut self, event: AuditEvent) {
        self.applied.derived_events.push(event);
    }

    /// These of the `selected` sessions have neither ended nor are below a cutoff. Returns `false` if the
    /// transaction conflicts. Of [`SessionsToRefresh::Cookies`] none are reported: they may be millions, and
    /// [`cookie_position`](Self::cookie_position) says what they get.
    #[must_use]
    pub fn sessions_to_refresh(
        &mut self,
        selected: SessionsToRefresh,
        found: impl IntoIterator<Item = SessionId>,
    ) -> bool {
        let mut found = found.into_iter().peekable();
        let is_found = found.peek().is_some();
        // Two changes can select one session; its revision rises once for a commit.
        self.refreshed.extend(found);
        match selected {
            SessionsToRefresh::One(_) => is_found,
            SessionsToRefresh::AllOf(_) => true,
            SessionsToRefresh::Cookies => {
                self.refreshes_cookies = true;
                true
            }
        }
    }

    /// The result of a merge; `None` if the conditions for it did not hold. Returns `false` if the transaction
    /// conflicts.
    #[must_use]
    pub fn data_merged(&mut self, merged: Option<SessionData>) -> bool {
        let is_merged = merged.is_some();
        self.applied.session_data = merged.or(self.applied.session_data.take());
        is_merged
    }

    /// Adds an entry for the revocation log.
    pub fn add_entry(&mut self, entry: NewRevocation) {
        self.entries.push(entry);
    }

    /// The positions that the transaction takes, and the entries that get them.
    pub fn new_positions(&mut self, own_position: bool) -> NewPositions {
        let count = (self.entries.len() as u64).max(u64::from(own_position));
        match (count, self.refreshed.is_empty() && !self.refreshes_cookies) {
            (0, true) => NewPositions::None,
            (0, false) => NewPositions::Head,
            _ => {
                let at = self.entries.iter().map(|entry| entry.at).max().unwrap_or(Time::EPOCH);
                NewPositions::Take { count, at, entries: std::mem::take(&mut self.entries) }
            }
        }
    }

    /// Whether an operation after [`RowAction::AppendEntries`](crate::store::RowAction::AppendEntries) writes the position of
    /// this commit: sessions get it, or ends of sessions remain for later commits. Cutoffs are not counted.
    pub fn needs_position(&self) -> bool {
        !self.refreshed.is_empty() || self.refreshes_cookies || !self.unfinished.is_empty()
    }

    /// These entries were appended, and `last` is the last position that was taken.
    pub fn entries_appended(&mut self, entries: Vec<RevocationEntry>, last: RevocationPosition) {
        self.applied.entries = entries;
        self.position = Some(last);
    }

    /// No position was taken, and the head of the log is `head`.
    pub fn read_head(&mut self, head: RevocationPosition) {
        self.position = Some(head);
    }

    /// The position for cutoffs and sessions; `None` before entries are appended.
    pub fn position(&self) -> Option<RevocationPosition> {
        self.position
    }

    /// The sessions that get a new position, each with that position.
    pub fn refreshed_sessions(&self) -> impl Iterator<Item = (SessionId, RevocationPosition)> + '_ {
        let position = self.position.into_iter();
        position.flat_map(|position| self.refreshed.iter().map(move |session| (*session, position)))
    }

    /// The position that every cookie session gets which has neither ended nor is below a cutoff; `None` if the
    /// transaction does not ask for it.
    pub fn cookie_position(&self) -> Option<RevocationPosition> {
        self.position.filter(|_| self.refreshes_cookies)
    }

    /// The ends that later commits complete, each with the session that stays.
    pub fn take_pending_ends(&mut self) -> Vec<(PendingSessionEnd, Option<SessionId>)> {
        // A commit that ends that many sessions takes positions.
        let Some(below) = self.position else { return Vec::new() };
        let unfinished = std::mem::take(&mut self.unfinished);
        unfinished.into_iter().map(|unfinished| (unfinished.pending(below), unfinished.except)).collect()
    }

    /// This pending end was inserted.
    pub fn pending_end_inserted(&mut self, pending: PendingSessionEnd) {
        self.applied.pending_ends.push(pending);
    }

    /// The result for the caller.
    pub fn finish(self) -> AppliedChanges {
        self.applied
    }
}

impl UnfinishedEnd {
    fn pending(&self, below: RevocationPosition) -> PendingSessionEnd {
        let by_system = || {
            let (kind, at) = (AuditEventKind::SessionEnded, self.ending.end.at);
            AuditEvent::by_actor(kind, Actor::System, &ClientInfo::default(), at)
                .with_user(self.user)
                .with_reason(self.ending.end.reason)
        };
        PendingSessionEnd {
            user: self.user,
            below,
            ending: self.ending,
            event: self.event.clone().unwrap_or_else(by_system),
        }
    }
}
