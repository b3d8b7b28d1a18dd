//! Changes that need a position of the revocation log: new entries, cutoffs, and the positions of sessions.

use counterfoil_core::model::session::EndReason;
use counterfoil_core::store::{AppliedChanges, CutoffScope};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, RevocationSubject, SessionId, UserId};

use super::{Application, ApplyError};
use crate::tables::revocation_log::{self, NewEntry};
use crate::tables::sessions::position;
use crate::tables::{clients, users};

impl Application<'_> {
    /// Adds an entry for the revocation log.
    pub(super) fn append_revocation(
        &mut self,
        subject: RevocationSubject,
        reason: EndReason,
        revoked_at: Time,
        expires_at: Option<Time>,
    ) -> rusqlite::Result<bool> {
        self.entries.push(NewEntry { subject, reason, revoked_at, expires_at });
        Ok(true)
    }

    /// Adds a cutoff, raised once its position is known.
    pub(super) fn set_cutoff(&mut self, index: usize, scope: &CutoffScope) -> rusqlite::Result<bool> {
        self.cutoffs.push((index, scope.clone()));
        Ok(true)
    }

    /// Adds a session whose position is set; `false` if it has ended or is revoked by a cutoff.
    pub(super) fn refresh_position(&mut self, session: SessionId) -> rusqlite::Result<bool> {
        self.refreshed.push(session);
        position::is_refreshable(self.connection, session)
    }

    /// Adds the sessions of a user.
    pub(super) fn refresh_positions(&mut self, user: UserId) -> rusqlite::Result<bool> {
        self.refreshed.extend(position::refreshable_of_user(self.connection, user)?);
        Ok(true)
    }

    /// Adds the cookie sessions of all users.
    pub(super) fn refresh_cookie_positions(&mut self) -> rusqlite::Result<bool> {
        self.refreshed.extend(position::refreshable_cookies(self.connection)?);
        Ok(true)
    }

    /// Takes the positions, as the last step of the commit, and writes what depends on them.
    pub(super) fn finish(mut self) -> Result<AppliedChanges, ApplyError> {
        let Some(position) = self.append_entries()? else { return Ok(self.applied) };
        for session in &self.refreshed {
            position::set_position(self.connection, *session, position)?;
        }
        for (index, scope) in &self.cutoffs {
            if !self.raise_cutoff(scope, position)? {
                return Err(ApplyError::Conflict(*index));
            }
        }
        Ok(self.applied)
    }

    /// Takes a position for each new entry and appends the entries. Returns the last position, or the head if
    /// none was taken; `None` if nothing depends on a position.
    ///
    /// A cutoff needs a position of its own even if no entry is appended: at the current head it would not
    /// revoke a concurrent login that has read that head.
    fn append_entries(&mut self) -> rusqlite::Result<Option<RevocationPosition>> {
        let has_cutoffs = !self.cutoffs.is_empty();
        let count = (self.entries.len() as u64).max(u64::from(has_cutoffs));
        if count == 0 && self.refreshed.is_empty() {
            return Ok(None);
        }
        if count == 0 {
            return revocation_log::head(self.connection).map(Some);
        }
        let at = self.entries.iter().map(|entry| entry.revoked_at).max().unwrap_or(Time::EPOCH);
        let first = revocation_log::take_positions(self.connection, count, at)?;
        let entries = std::mem::take(&mut self.entries);
        self.applied.entries = revocation_log::append(self.connection, first, entries)?;
        Ok(Some(RevocationPosition::new(first.number() + count - 1)))
    }

    /// Raises a cutoff to `position`; `false` if its user or client does not exist.
    fn raise_cutoff(&self, scope: &CutoffScope, position: RevocationPosition) -> rusqlite::Result<bool> {
        match scope {
            CutoffScope::User(user) => users::raise_cutoff(self.connection, *user, position),
            CutoffScope::Client(client) => clients::raise_cutoff(self.connection, client, position),
            CutoffScope::Everyone => revocation_log::raise_cutoff(self.connection, position),
        }
    }
}
