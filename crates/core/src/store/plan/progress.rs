//! What the row operations of a transaction have done so far, for the operations after them.

use counterfoil_jose::Time;
use counterfoil_verify::{RevocationEntry, RevocationPosition, RevocationSubject, SessionId};

use crate::model::session::Session;
use crate::store::change::{NewRevocation, SessionEnding, SessionsToRefresh};
use crate::store::outcome::AppliedChanges;
use crate::store::query::SessionData;

/// What has been applied of a transaction. A back end reports to it what its statements have found, and asks
/// it what the next operation writes.
#[derive(Debug, Default)]
pub struct CommitProgress {
    applied: AppliedChanges,
    /// The new entries of the revocation log, in the order of the changes.
    entries: Vec<NewRevocation>,
    refreshed: Vec<SessionId>,
    /// How many of the ended sessions are recorded in the audit log.
    recorded_ends: usize,
    position: Option<RevocationPosition>,
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

    /// These sessions had not ended, and have ended now. Each gets an entry in the revocation log.
    pub fn sessions_ended(&mut self, sessions: impl IntoIterator<Item = SessionId>, ending: SessionEnding) {
        for session in sessions {
            self.applied.ended_sessions.push(session);
            self.applied.end_reasons.push(ending.end.reason);
            self.entries.push(NewRevocation {
                subject: RevocationSubject::Session(session),
                reason: ending.end.reason,
                at: ending.end.at,
                remember_until: Some(ending.remember_until),
            });
        }
    }

    /// The sessions of this commit that have ended since the previous call.
    pub fn take_unrecorded_ends(&mut self) -> &[SessionId] {
        let recorded = std::mem::replace(&mut self.recorded_ends, self.applied.ended_sessions.len());
        &self.applied.ended_sessions[recorded..]
    }

    /// These of the `selected` sessions have neither ended nor are below a cutoff. Returns `false` if the
    /// transaction conflicts.
    #[must_use]
    pub fn sessions_to_refresh(
        &mut self,
        selected: SessionsToRefresh,
        found: impl IntoIterator<Item = SessionId>,
    ) -> bool {
        let before = self.refreshed.len();
        self.refreshed.extend(found);
        match selected {
            SessionsToRefresh::One(_) => self.refreshed.len() > before,
            SessionsToRefresh::AllOf(_) | SessionsToRefresh::Cookies => true,
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
        match (count, self.refreshed.is_empty()) {
            (0, true) => NewPositions::None,
            (0, false) => NewPositions::Head,
            _ => {
                let at = self.entries.iter().map(|entry| entry.at).max().unwrap_or(Time::EPOCH);
                NewPositions::Take { count, at, entries: std::mem::take(&mut self.entries) }
            }
        }
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

    /// The result for the caller.
    pub fn finish(self) -> AppliedChanges {
        self.applied
    }
}
