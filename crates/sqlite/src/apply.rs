//! Executes the row operations of one commit in the transaction that the writer has opened.

use rusqlite::Connection;

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::store::{
    AppliedChanges, CommitProgress, CutoffScope, Expectation, NewPositions, RowAction, Transaction,
    TransactionPart, plan,
};
use counterfoil_verify::{RevocationPosition, UserId};

use crate::tables::sessions::{end, exists_active, find_user_and_client, position, row};
use crate::tables::{
    admin_keys, audit_events, clients, counters, job_locks, keys, metadata, pending_session_ends,
    revocation_log, session_data, status_indexes, users, verifier_keys,
};

/// Why a transaction was not applied.
pub(crate) enum ApplyError {
    /// This part conflicts.
    Conflict(TransactionPart),
    /// A statement failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for ApplyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Executes the row operations of `transaction`.
pub(crate) fn apply(
    connection: &Connection,
    transaction: &Transaction,
) -> Result<AppliedChanges, ApplyError> {
    let mut executor = Executor { connection, progress: CommitProgress::default() };
    for operation in plan(transaction) {
        if !executor.execute(&operation.action)? {
            return Err(ApplyError::Conflict(operation.part));
        }
    }
    Ok(executor.progress.finish())
}

struct Executor<'c> {
    connection: &'c Connection,
    progress: CommitProgress,
}

impl Executor<'_> {
    /// Executes one operation; `false` if it conflicts.
    fn execute(&mut self, action: &RowAction<'_>) -> rusqlite::Result<bool> {
        let c = self.connection;
        match action {
            RowAction::Check(expectation) => self.check(expectation),
            RowAction::InsertUser(user) => users::insert(c, user),
            RowAction::UpdateUser(user) => users::replace(c, user),
            RowAction::RemoveUser(user) => users::remove(c, *user),
            RowAction::InsertSession(session) => row::insert(c, session),
            RowAction::UpdateSession(session) => {
                self.progress.session_replaced(session);
                row::replace(c, session)
            }
            RowAction::AssignStatusIndex(request) => {
                let index = status_indexes::assign(c, request)?;
                index.into_iter().for_each(|index| self.progress.status_index_assigned(index));
                Ok(index.is_some())
            }
            RowAction::EndSessions(sessions, ending) => {
                let ended = end::end(c, *sessions, ending.end)?;
                // An ended session is kept for a day. Its data is of no use, and a client that logs in again and again could
                // store megabytes a minute.
                for session in &ended {
                    session_data::delete(c, session.id)?;
                }
                self.progress.sessions_ended(*sessions, ended, *ending);
                Ok(true)
            }
            RowAction::FindSessions(sessions) => {
                let found = position::refreshable(c, *sessions)?;
                Ok(self.progress.sessions_to_refresh(*sessions, found))
            }
            RowAction::MergeData(patch) => Ok(self.progress.data_merged(session_data::merge(c, patch)?)),
            RowAction::InsertClient(client) => clients::insert(c, client),
            RowAction::UpdateClient(client) => clients::replace(c, client),
            RowAction::InsertKey(key) => keys::insert(c, key),
            RowAction::UpdateKey(key) => keys::replace(c, key),
            RowAction::InsertAdminKey(key) => admin_keys::insert(c, key),
            RowAction::DeleteAdminKey(id) => admin_keys::delete(c, *id),
            RowAction::DeleteAdminKeysOf(user, event) => self.delete_admin_keys(*user, *event),
            RowAction::InsertVerifierKey(key) => verifier_keys::insert(c, key),
            RowAction::DeleteVerifierKey(id) => verifier_keys::delete(c, *id),
            RowAction::InsertEvent(event) => audit_events::insert(c, event).map(|()| true),
            RowAction::InsertSessionEnds(event) => self.insert_session_ends(event),
            RowAction::SetMetadata(key, value) => metadata::set(c, key, value).map(|()| true),
            RowAction::RemoveMetadata(key) => metadata::remove(c, key).map(|()| true),
            RowAction::SetCounter(counter, value) => counters::set(c, counter, *value).map(|()| true),
            RowAction::ChangeJobLock(operation) => job_locks::change(c, *operation),
            RowAction::StartLog(id, after) => revocation_log::start(c, *id, *after).map(|()| true),
            RowAction::AddEntry(entry) => {
                self.progress.add_entry((*entry).clone());
                Ok(true)
            }
            RowAction::AppendEntries { own_position } => self.append_entries(*own_position),
            RowAction::SetPositions => {
                for (session, at) in self.progress.refreshed_sessions() {
                    position::set_position(c, session, at)?;
                }
                if let Some(to) = self.progress.cookie_position() {
                    position::refresh_cookies(c, to)?;
                }
                Ok(true)
            }
            RowAction::RaiseCutoff(scope) => self.raise_cutoff(scope),
            RowAction::InsertPendingEnds => self.insert_pending_ends(),
        }
    }

    fn check(&self, expectation: &Expectation) -> rusqlite::Result<bool> {
        let c = self.connection;
        match expectation {
            Expectation::Epoch(user, epoch) => users::has_epoch(c, *user, *epoch),
            Expectation::ClientRevision(client, revision) => clients::has_revision(c, client, *revision),
            Expectation::ActiveSession(session, now) => exists_active(c, *session, *now),
            Expectation::AdminKey(id) => admin_keys::exists(c, *id),
            Expectation::NoLookAlike(skeletons) => Ok(users::find_by_skeletons(c, skeletons)?.is_none()),
            Expectation::JobLock(lock, now) => job_locks::is_held(c, *lock, *now),
        }
    }

    /// Deletes the admin keys that a user created, and inserts the event for each with the id of the key.
    fn delete_admin_keys(&mut self, user: UserId, event: Option<&AuditEvent>) -> rusqlite::Result<bool> {
        let deleted = admin_keys::delete_all_of_user(self.connection, user)?;
        if let Some(event) = event {
            for key in deleted {
                self.insert_derived_event(event.clone().with_detail(key.to_string()))?;
            }
        }
        Ok(true)
    }

    /// Inserts the event for each session that has ended and has no such event yet.
    fn insert_session_ends(&mut self, event: &AuditEvent) -> rusqlite::Result<bool> {
        for session in self.progress.take_unrecorded_ends(event) {
            let (user, client) = find_user_and_client(self.connection, session)?;
            let event = AuditEvent { user: Some(user), ..event.clone() }.with_session(session, client);
            self.insert_derived_event(event)?;
        }
        Ok(true)
    }

    fn insert_derived_event(&mut self, event: AuditEvent) -> rusqlite::Result<()> {
        audit_events::insert(self.connection, &event)?;
        self.progress.derived_event_inserted(event);
        Ok(())
    }

    /// Takes positions and appends the entries that were added.
    fn append_entries(&mut self, own_position: bool) -> rusqlite::Result<bool> {
        match self.progress.new_positions(own_position) {
            NewPositions::None => {}
            NewPositions::Head => self.progress.read_head(revocation_log::head(self.connection)?),
            NewPositions::Take { count, at, entries } => {
                let first = revocation_log::take_positions(self.connection, count, at)?;
                let entries = revocation_log::append(self.connection, first, entries)?;
                let last = RevocationPosition::new(first.number() + count - 1);
                self.progress.entries_appended(entries, last);
            }
        }
        Ok(true)
    }

    /// Revokes the sessions that this commit could not end, and inserts what remains to be done.
    fn insert_pending_ends(&mut self) -> rusqlite::Result<bool> {
        let c = self.connection;
        for (pending, except) in self.progress.take_pending_ends() {
            if let Some(session) = except
                && position::is_refreshable(c, session)?
            {
                position::set_position(c, session, pending.below)?;
            }
            // Of a removed user no session is live.
            if users::raise_cutoff(c, pending.user, pending.below)? {
                pending_session_ends::insert(c, &pending)?;
                self.progress.pending_end_inserted(pending);
            }
        }
        Ok(true)
    }

    /// Raises a cutoff; `false` if its user or client does not exist.
    fn raise_cutoff(&self, scope: &CutoffScope) -> rusqlite::Result<bool> {
        // The plan takes positions before it raises a cutoff.
        let Some(position) = self.progress.position() else { return Ok(false) };
        match scope {
            CutoffScope::User(user) => users::raise_cutoff(self.connection, *user, position),
            CutoffScope::Client(client) => clients::raise_cutoff(self.connection, client, position),
            CutoffScope::Everyone => revocation_log::raise_cutoff(self.connection, position),
        }
    }
}
