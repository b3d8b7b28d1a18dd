//! One caller's changes, carried out in the transaction that the writer has opened.

use rusqlite::Connection;

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::store::{AppliedChanges, Change, CutoffScope, SessionEnding};
use counterfoil_jose::Time;
use counterfoil_verify::{RevocationPosition, RevocationSubject, SessionId};

use crate::data::Merge;
use crate::log::Unplaced;
use crate::{admin_keys, clients, counters, data, events, keys, log, metadata, sessions, users};

/// Why a list of changes was not applied.
pub(crate) enum Stop {
    /// The expectation of the change with this index did not hold.
    Lost(usize),
    /// SQLite could not do it.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

/// Carries out `changes` in their order, and then, with the positions drawn last, what depends on them.
pub(crate) fn apply(connection: &Connection, changes: &[Change]) -> Result<AppliedChanges, Stop> {
    let mut work = Work {
        connection,
        applied: AppliedChanges::default(),
        unplaced: Vec::new(),
        to_restamp: Vec::new(),
        told: 0,
    };
    for (index, change) in changes.iter().enumerate() {
        if !work.carry_out(change)? {
            return Err(Stop::Lost(index));
        }
    }
    work.place(changes)
}

/// What has been done of a list of changes.
struct Work<'c> {
    connection: &'c Connection,
    applied: AppliedChanges,
    /// What is to be appended to the log, in the order of the changes.
    unplaced: Vec<Unplaced>,
    /// The sessions whose position is to be set, found before any mark was raised.
    to_restamp: Vec<SessionId>,
    /// How many of the ends have been told to the journal.
    told: usize,
}

impl Work<'_> {
    /// Carries out one change, as far as it needs no position; `false` if its expectation does not hold.
    fn carry_out(&mut self, change: &Change) -> rusqlite::Result<bool> {
        let connection = self.connection;
        match change {
            Change::ExpectEpoch(user, epoch) => users::has_epoch(connection, *user, *epoch),
            Change::ExpectClient(client, revision) => clients::has_revision(connection, client, *revision),
            Change::ExpectLive(session, now) => sessions::is_live(connection, *session, *now),
            Change::ExpectAdminKey(id) => admin_keys::is_there(connection, *id),
            Change::InsertUser(user) => users::insert(connection, user),
            Change::ReplaceUser(user) => users::swap(connection, user),
            Change::RemoveUser(user) => {
                sessions::remove_all_of(connection, *user)?;
                admin_keys::remove_all_of(connection, *user)?;
                users::remove(connection, *user)
            }
            Change::InsertSession(session) => sessions::insert(connection, session),
            Change::ReplaceSession(session) => {
                if session.ended.is_some() {
                    self.applied.ended.push(session.id);
                }
                sessions::swap(connection, session)
            }
            Change::EndSession(session, ending) => {
                if sessions::end(connection, *session, ending.ended)? {
                    self.note_end(*session, *ending);
                }
                Ok(true)
            }
            Change::EndSessionsOf { user, except, ending } => {
                for session in sessions::end_all_of(connection, *user, *except, ending.ended)? {
                    self.note_end(session, *ending);
                }
                Ok(true)
            }
            Change::EndOldestSessionsOf { user, except, keep, ending } => {
                for session in sessions::end_oldest_of(connection, *user, *except, *keep, ending.ended)? {
                    self.note_end(session, *ending);
                }
                Ok(true)
            }
            Change::RefreshPosition(session) => {
                self.to_restamp.push(*session);
                sessions::stands(connection, *session)
            }
            Change::RefreshPositionsOf(user) => {
                self.to_restamp.extend(sessions::standing_of(connection, *user)?);
                Ok(true)
            }
            Change::RefreshCookiePositions => {
                self.to_restamp.extend(sessions::standing_cookies(connection)?);
                Ok(true)
            }
            Change::MergeData { session, patch, expected, limit, now } => {
                let merge = Merge { session: *session, patch, expected: *expected, limit: *limit, now: *now };
                let merged = data::merge(connection, &merge)?;
                let held = merged.is_some();
                self.applied.data = merged.or(self.applied.data.take());
                Ok(held)
            }
            Change::InsertClient(client) => clients::insert(connection, client),
            Change::ReplaceClient(client) => clients::swap(connection, client),
            Change::InsertKey(key) => keys::insert(connection, key),
            Change::ReplaceKey(key) => keys::swap(connection, key),
            Change::AppendRevocation { subject, cause, at, until } => {
                let (subject, cause, at, until) = (subject.clone(), *cause, *at, *until);
                self.unplaced.push(Unplaced { subject, cause, at, until });
                Ok(true)
            }
            Change::StartRevocationLog { id, after } => log::begin(connection, *id, *after).map(|()| true),
            // Needs a position; see `place`.
            Change::SetCutoff(_) => Ok(true),
            Change::SetMetadata(name, value) => metadata::set(connection, name, value).map(|()| true),
            Change::SetCounter(counter, spent) => counters::set(connection, counter, *spent).map(|()| true),
            Change::Record(event) => events::insert(connection, event).map(|()| true),
            Change::RecordSessionEnds(event) => self.tell_ends(event).map(|()| true),
            Change::InsertAdminKey(key) => admin_keys::insert(connection, key),
            Change::RemoveAdminKey(id) => admin_keys::remove(connection, *id),
            Change::RemoveAdminKeysOf(user, event) => {
                for key in admin_keys::remove_all_of(connection, *user)? {
                    events::insert(connection, &event.as_ref().clone().telling(key.to_string()))?;
                }
                Ok(true)
            }
        }
    }

    fn note_end(&mut self, session: SessionId, ending: SessionEnding) {
        self.applied.ended.push(session);
        self.unplaced.push(Unplaced {
            subject: RevocationSubject::Session(session),
            cause: ending.ended.cause,
            at: ending.ended.at,
            until: Some(ending.until),
        });
    }

    /// Writes `event` for each session that has ended and was not told of yet.
    fn tell_ends(&mut self, event: &AuditEvent) -> rusqlite::Result<()> {
        for session in &self.applied.ended[self.told..] {
            let (user, client) = sessions::parties(self.connection, *session)?;
            let event = AuditEvent { user: Some(user), ..event.clone() }.in_session(*session, client);
            events::insert(self.connection, &event)?;
        }
        self.told = self.applied.ended.len();
        Ok(())
    }

    /// Draws the positions, as the last thing, and writes what depends on them.
    fn place(mut self, changes: &[Change]) -> Result<AppliedChanges, Stop> {
        let Some(position) = self.draw(changes)? else { return Ok(self.applied) };
        for session in &self.to_restamp {
            sessions::restamp(self.connection, *session, position)?;
        }
        for (index, change) in changes.iter().enumerate() {
            if !self.set_position(change, position)? {
                return Err(Stop::Lost(index));
            }
        }
        Ok(self.applied)
    }

    /// Draws a position for each entry and appends them; tells the last, or the head if none was drawn. `None` if
    /// nothing depends on a position.
    ///
    /// A mark needs a position of its own even where nothing is appended: at the head of before it would
    /// spare a login in flight that has read that head.
    fn draw(&mut self, changes: &[Change]) -> rusqlite::Result<Option<RevocationPosition>> {
        let marks = changes.iter().any(|change| matches!(change, Change::SetCutoff(_)));
        let count = (self.unplaced.len() as u64).max(u64::from(marks));
        if count == 0 && self.to_restamp.is_empty() {
            return Ok(None);
        }
        if count == 0 {
            return log::head(self.connection).map(Some);
        }
        let at = self.unplaced.iter().map(|entry| entry.at).max().unwrap_or(Time::EPOCH);
        let first = log::draw(self.connection, count, at)?;
        self.applied.entries = log::append(self.connection, first, std::mem::take(&mut self.unplaced))?;
        Ok(Some(RevocationPosition::new(first.number() + count - 1)))
    }

    /// Sets what a change wants to stand at `position`; `false` if there is nothing to set.
    fn set_position(&self, change: &Change, position: RevocationPosition) -> rusqlite::Result<bool> {
        match change {
            Change::SetCutoff(CutoffScope::User(user)) => {
                users::raise_not_before(self.connection, *user, position)
            }
            Change::SetCutoff(CutoffScope::Client(client)) => {
                clients::raise_not_before(self.connection, client, position)
            }
            Change::SetCutoff(CutoffScope::Everyone) => log::raise_not_before(self.connection, position),
            // Carried out before; nothing of them depends on a position.
            Change::ExpectEpoch(..)
            | Change::ExpectClient(..)
            | Change::ExpectLive(..)
            | Change::ExpectAdminKey(_)
            | Change::InsertUser(_)
            | Change::ReplaceUser(_)
            | Change::InsertSession(_)
            | Change::ReplaceSession(_)
            | Change::EndSession(..)
            | Change::RemoveUser(_)
            | Change::EndSessionsOf { .. }
            | Change::EndOldestSessionsOf { .. }
            | Change::RefreshPosition(_)
            | Change::RefreshPositionsOf(_)
            | Change::RefreshCookiePositions
            | Change::StartRevocationLog { .. }
            | Change::MergeData { .. }
            | Change::InsertClient(_)
            | Change::ReplaceClient(_)
            | Change::InsertKey(_)
            | Change::ReplaceKey(_)
            | Change::AppendRevocation { .. }
            | Change::SetMetadata(..)
            | Change::SetCounter(..)
            | Change::Record(_)
            | Change::RecordSessionEnds(_)
            | Change::InsertAdminKey(_)
            | Change::RemoveAdminKey(_)
            | Change::RemoveAdminKeysOf(..) => Ok(true),
        }
    }
}
