//! Applies the changes of one commit in the transaction that the writer has opened.

mod positions;
mod sessions;

use rusqlite::Connection;

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::store::{AppliedChanges, Change, CutoffScope};
use counterfoil_verify::{SessionId, UserId};

use crate::tables::revocation_log::{self, NewEntry};
use crate::tables::sessions::{end, exists_active, row};
use crate::tables::{admin_keys, audit_events, clients, counters, keys, metadata, users};

/// Why a list of changes was not applied.
pub(crate) enum ApplyError {
    /// The expectation of the change with this index does not hold.
    Conflict(usize),
    /// A statement failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for ApplyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Applies `changes` in their order. Positions of the revocation log are taken after all of them; then what
/// depends on a position is written.
pub(crate) fn apply(connection: &Connection, changes: &[Change]) -> Result<AppliedChanges, ApplyError> {
    let mut application = Application::new(connection);
    for (index, change) in changes.iter().enumerate() {
        if !application.apply(index, change)? {
            return Err(ApplyError::Conflict(index));
        }
    }
    application.finish()
}

/// What has been applied of a commit, and what remains until positions are taken.
struct Application<'c> {
    connection: &'c Connection,
    applied: AppliedChanges,
    /// The new entries of the revocation log, in the order of the changes.
    entries: Vec<NewEntry>,
    /// The sessions whose position must be set, found before any cutoff is raised.
    refreshed: Vec<SessionId>,
    /// The cutoffs to raise, each with the index of its change.
    cutoffs: Vec<(usize, CutoffScope)>,
    /// How many of the ended sessions are recorded in the audit log.
    recorded_ends: usize,
}

impl<'c> Application<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            applied: AppliedChanges::default(),
            entries: Vec::new(),
            refreshed: Vec::new(),
            cutoffs: Vec::new(),
            recorded_ends: 0,
        }
    }

    /// Applies one change, except for what needs a position; `false` if its expectation does not hold.
    fn apply(&mut self, index: usize, change: &Change) -> rusqlite::Result<bool> {
        let c = self.connection;
        match change {
            Change::ExpectEpoch(user, epoch) => users::has_epoch(c, *user, *epoch),
            Change::ExpectClient(client, revision) => clients::has_revision(c, client, *revision),
            Change::ExpectActive(session, now) => exists_active(c, *session, *now),
            Change::ExpectAdminKey(id) => admin_keys::exists(c, *id),
            Change::InsertUser(user) => users::insert(c, user),
            Change::ReplaceUser(user) => users::replace(c, user),
            Change::RemoveUser(user) => self.remove_user(*user),
            Change::InsertSession(session) => row::insert(c, session),
            Change::ReplaceSession(session) => self.replace_session(session),
            Change::EndSession(session, ending) => self.end_session(*session, *ending),
            Change::EndSessionsOf { user, except, ending } => self.end_sessions(*user, *except, *ending),
            Change::EndOldestSessionsOf { user, except, keep, ending } => {
                self.end_oldest_sessions(*user, *except, *keep, *ending)
            }
            Change::RefreshPosition(session) => self.refresh_position(*session),
            Change::RefreshPositionsOf(user) => self.refresh_positions(*user),
            Change::RefreshCookiePositions => self.refresh_cookie_positions(),
            Change::MergeData { session, patch, expected_revision, max_bytes, now } => {
                self.merge_data(*session, patch, *expected_revision, *max_bytes, *now)
            }
            Change::InsertClient(client) => clients::insert(c, client),
            Change::ReplaceClient(client) => clients::replace(c, client),
            Change::InsertKey(key) => keys::insert(c, key),
            Change::ReplaceKey(key) => keys::replace(c, key),
            Change::AppendRevocation { subject, reason, at, remember_until } => {
                self.append_revocation(subject.clone(), *reason, *at, *remember_until)
            }
            Change::StartRevocationLog { id, after } => revocation_log::start(c, *id, *after).map(|()| true),
            Change::SetCutoff(scope) => self.set_cutoff(index, scope),
            Change::SetMetadata(name, value) => metadata::set(c, name, value).map(|()| true),
            Change::SetCounter(counter, value) => counters::set(c, counter, *value).map(|()| true),
            Change::RecordEvent(event) => audit_events::insert(c, event).map(|()| true),
            Change::RecordSessionEnds(event) => self.record_session_ends(event),
            Change::InsertAdminKey(key) => admin_keys::insert(c, key),
            Change::RemoveAdminKey(id) => admin_keys::delete(c, *id),
            Change::RemoveAdminKeysOf(user, event) => self.remove_admin_keys(*user, event),
        }
    }

    /// Deletes a user with their sessions, the data of the sessions, and their admin keys.
    fn remove_user(&self, user: UserId) -> rusqlite::Result<bool> {
        end::delete_all_of_user(self.connection, user)?;
        admin_keys::delete_all_of_user(self.connection, user)?;
        users::delete(self.connection, user)
    }

    /// Deletes the admin keys that a user created, and records `event` for each with the id of the key.
    fn remove_admin_keys(&self, user: UserId, event: &AuditEvent) -> rusqlite::Result<bool> {
        for key in admin_keys::delete_all_of_user(self.connection, user)? {
            audit_events::insert(self.connection, &event.clone().with_detail(key.to_string()))?;
        }
        Ok(true)
    }
}
