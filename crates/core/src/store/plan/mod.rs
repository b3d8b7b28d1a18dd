//! The plan of a transaction: the row operations that a back end executes, in their order.

mod progress;
#[cfg(test)]
mod tests;

use counterfoil_verify::{RevocationLogId, RevocationPosition, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::key::KeyRecord;
use crate::model::session::Session;
use crate::model::user::User;
use crate::model::verifier_key::VerifierKeyRecord;
use crate::store::change::{
    AdminKeyOp, AuditOp, Change, ClientOp, CutoffScope, KeyOp, LogOp, NewRevocation, SessionDataPatch,
    SessionEnding, SessionOp, SessionsToEnd, SessionsToRefresh, StatusIndexRequest, UserOp, VerifierKeyOp,
};
use crate::store::counter::{CounterKey, CounterValue};
use crate::store::job_lock::JobLockOp;
use crate::store::outcome::TransactionPart;
use crate::store::transaction::{Expectation, Transaction};

pub use progress::{CommitProgress, NewPositions};

/// One operation on rows, and the part of the transaction that it is for.
///
/// If it finds no row that it can change, the transaction conflicts at that part, except where an operation
/// says otherwise.
#[derive(Debug)]
pub struct RowOp<'t> {
    /// The part. Of an operation for several parts it is the first one.
    pub part: TransactionPart,
    /// The operation.
    pub action: RowAction<'t>,
}

/// An operation on rows. What the rows must be like is said at the change or expectation that it is for.
#[derive(Debug)]
pub enum RowAction<'t> {
    /// Checks an expectation.
    Check(&'t Expectation),
    /// Inserts a user.
    InsertUser(&'t User),
    /// Replaces the previous revision of a user. The cutoff of the row never falls.
    UpdateUser(&'t User),
    /// Removes a user: no read finds them or their sessions, and their names are free. Their sessions and the row itself
    /// are deleted by the purge. Their admin keys are deleted before.
    RemoveUser(UserId),
    /// Inserts a session.
    InsertSession(&'t Session),
    /// Replaces the previous revision of a session; then [`CommitProgress::session_replaced`].
    UpdateSession(&'t Session),
    /// Gives a session an index in the status lists; then [`CommitProgress::status_index_assigned`].
    AssignStatusIndex(StatusIndexRequest),
    /// Ends sessions, at most [`MAX_ENDED_PER_COMMIT`](crate::store::MAX_ENDED_PER_COMMIT); then
    /// [`CommitProgress::sessions_ended`]. If fewer sessions end by [`SessionsToEnd::Below`], it deletes the pending end
    /// of that user and position. It never conflicts.
    EndSessions(SessionsToEnd, SessionEnding),
    /// Finds the sessions that have neither ended nor are below a cutoff; then
    /// [`CommitProgress::sessions_to_refresh`], which decides whether it conflicts. Of [`SessionsToRefresh::Cookies`] it
    /// finds none: [`RowAction::SetPositions`] selects them itself.
    FindSessions(SessionsToRefresh),
    /// Merges session data; then [`CommitProgress::data_merged`], which decides whether it conflicts.
    MergeData(&'t SessionDataPatch),
    /// Inserts a client.
    InsertClient(&'t Client),
    /// Replaces the previous revision of a client. The cutoff of the row never falls.
    UpdateClient(&'t Client),
    /// Inserts a key.
    InsertKey(&'t KeyRecord),
    /// Replaces the previous revision of a key.
    UpdateKey(&'t KeyRecord),
    /// Inserts an admin key.
    InsertAdminKey(&'t AdminKeyRecord),
    /// Deletes an admin key.
    DeleteAdminKey(AdminKeyId),
    /// Deletes all admin keys that a user created, and inserts the event, if there is one, for each of them
    /// with the id of the key as its detail. It never conflicts.
    DeleteAdminKeysOf(UserId, Option<&'t AuditEvent>),
    /// Inserts a verifier key.
    InsertVerifierKey(&'t VerifierKeyRecord),
    /// Deletes a verifier key.
    DeleteVerifierKey(VerifierKeyId),
    /// Inserts an audit event.
    InsertEvent(&'t AuditEvent),
    /// Inserts an audit event for each session in [`CommitProgress::take_unrecorded_ends`], with the session,
    /// its user and its client filled in. It never conflicts.
    InsertSessionEnds(&'t AuditEvent),
    /// Sets a value of the metadata.
    SetMetadata(&'t str, &'t [u8]),
    /// Removes a value of the metadata, if it is there.
    RemoveMetadata(&'t str),
    /// Sets a counter.
    SetCounter(&'t CounterKey, CounterValue),
    /// Takes or releases a job lock.
    ChangeJobLock(JobLockOp),
    /// Gives the revocation log another id and raises its head to a position.
    StartLog(RevocationLogId, RevocationPosition),
    /// Adds an entry to those that [`RowAction::AppendEntries`] writes: [`CommitProgress::add_entry`].
    AddEntry(&'t NewRevocation),
    /// Takes positions and writes the entries that were added, as [`CommitProgress::new_positions`] says;
    /// then [`CommitProgress::entries_appended`] or [`CommitProgress::read_head`].
    AppendEntries {
        /// Whether a position is taken even if there is no entry.
        ///
        /// A cutoff needs a position of its own: at the current head it would not revoke a concurrent login
        /// that has read that head.
        own_position: bool,
    },
    /// Sets the position of each session in [`CommitProgress::refreshed_sessions`], and then of every cookie session that has
    /// neither ended nor is below a cutoff to [`CommitProgress::cookie_position`], if that is not its position yet. Raises
    /// their revisions. There may be millions of cookie sessions, so their ids are not read into memory.
    SetPositions,
    /// Raises a cutoff to [`CommitProgress::position`].
    RaiseCutoff(&'t CutoffScope),
    /// For each of [`CommitProgress::take_pending_ends`]: sets the position of the excepted session, raises the cutoff of
    /// the user to the position and inserts the pending end; then [`CommitProgress::pending_end_inserted`]. It leaves out
    /// a user who does not exist. It never conflicts.
    InsertPendingEnds,
}

/// The row operations of a transaction, in the order in which a back end executes them.
///
/// Expectations come first, then the changes in their order. What depends on a position of the revocation log
/// comes last: positions are taken as late as possible, so that their order is the order of commits. Sessions
/// that get a new position are found before any cutoff rises, so that a cutoff of the same transaction does not
/// leave them out, and they get the position of that cutoff, which is not below it.
///
/// ```
/// use counterfoil_core::store::{Change, CutoffScope, RowAction, Transaction, plan};
///
/// let transaction = Transaction::new([
///     Change::set_cutoff(CutoffScope::Everyone),
///     Change::refresh_cookie_positions(),
/// ]);
/// let actions: Vec<_> = plan(&transaction).into_iter().map(|operation| operation.action).collect();
/// assert!(matches!(
///     &actions[..],
///     [
///         RowAction::FindSessions(_),
///         RowAction::AppendEntries { own_position: true },
///         RowAction::SetPositions,
///         RowAction::RaiseCutoff(_),
///     ]
/// ));
/// ```
pub fn plan(transaction: &Transaction) -> Vec<RowOp<'_>> {
    let mut plan = Plan::with_capacity(transaction.expect.len() + transaction.changes.len() + 2);
    for (index, expectation) in transaction.expect.iter().enumerate() {
        plan.push(TransactionPart::Expectation(index), RowAction::Check(expectation));
    }
    for (index, change) in transaction.changes.iter().enumerate() {
        plan.add(TransactionPart::Change(index), change);
    }
    plan.finish()
}

struct Plan<'t> {
    operations: Vec<RowOp<'t>>,
    /// The first part that needs a position or may append an entry.
    first_positioned: Option<TransactionPart>,
    /// The first part that sets the position of sessions.
    first_refresh: Option<TransactionPart>,
    cutoffs: Vec<(TransactionPart, &'t CutoffScope)>,
    /// The first part that ends all sessions of a user.
    first_end_of_all: Option<TransactionPart>,
}

impl<'t> Plan<'t> {
    fn with_capacity(capacity: usize) -> Self {
        let operations = Vec::with_capacity(capacity);
        Self {
            operations,
            first_positioned: None,
            first_refresh: None,
            cutoffs: Vec::new(),
            first_end_of_all: None,
        }
    }

    fn push(&mut self, part: TransactionPart, action: RowAction<'t>) {
        self.operations.push(RowOp { part, action });
    }

    fn add(&mut self, part: TransactionPart, change: &'t Change) {
        match change {
            Change::User(operation) => self.add_user(part, operation),
            Change::Session(operation) => self.add_session(part, operation),
            Change::Client(ClientOp::Insert(client)) => self.push(part, RowAction::InsertClient(client)),
            Change::Client(ClientOp::Replace(client)) => self.push(part, RowAction::UpdateClient(client)),
            Change::Key(KeyOp::Insert(key)) => self.push(part, RowAction::InsertKey(key)),
            Change::Key(KeyOp::Replace(key)) => self.push(part, RowAction::UpdateKey(key)),
            Change::AdminKey(operation) => self.push(part, admin_key_action(operation)),
            Change::VerifierKey(VerifierKeyOp::Insert(key)) => {
                self.push(part, RowAction::InsertVerifierKey(key));
            }
            Change::VerifierKey(VerifierKeyOp::Remove(key)) => {
                self.push(part, RowAction::DeleteVerifierKey(*key));
            }
            Change::Log(operation) => self.add_log(part, operation),
            Change::Audit(AuditOp::Record(event)) => self.push(part, RowAction::InsertEvent(event)),
            Change::Audit(AuditOp::RecordSessionEnds(event)) => {
                self.push(part, RowAction::InsertSessionEnds(event));
            }
            Change::Metadata(key, Some(value)) => self.push(part, RowAction::SetMetadata(key, value)),
            Change::Metadata(key, None) => self.push(part, RowAction::RemoveMetadata(key)),
            Change::Counter(key, value) => self.push(part, RowAction::SetCounter(key, *value)),
            Change::JobLock(operation) => self.push(part, RowAction::ChangeJobLock(*operation)),
        }
    }

    fn add_user(&mut self, part: TransactionPart, operation: &'t UserOp) {
        match operation {
            UserOp::Insert(user) => self.push(part, RowAction::InsertUser(user)),
            UserOp::Replace(user) => self.push(part, RowAction::UpdateUser(user)),
            UserOp::Remove(user) => {
                self.push(part, RowAction::DeleteAdminKeysOf(*user, None));
                self.push(part, RowAction::RemoveUser(*user));
            }
        }
    }

    fn add_session(&mut self, part: TransactionPart, operation: &'t SessionOp) {
        match operation {
            SessionOp::Insert(session) => self.push(part, RowAction::InsertSession(session)),
            SessionOp::Replace(session) => self.push(part, RowAction::UpdateSession(session)),
            SessionOp::AssignStatusIndex(request) => self.push(part, RowAction::AssignStatusIndex(*request)),
            SessionOp::MergeData(patch) => self.push(part, RowAction::MergeData(patch)),
            SessionOp::End(sessions, ending) => {
                self.first_positioned.get_or_insert(part);
                if matches!(sessions, SessionsToEnd::AllOf { .. }) {
                    self.first_end_of_all.get_or_insert(part);
                }
                self.push(part, RowAction::EndSessions(*sessions, *ending));
            }
            SessionOp::RefreshPosition(sessions) => {
                self.first_positioned.get_or_insert(part);
                self.first_refresh.get_or_insert(part);
                self.push(part, RowAction::FindSessions(*sessions));
            }
        }
    }

    fn add_log(&mut self, part: TransactionPart, operation: &'t LogOp) {
        match operation {
            LogOp::Start { id, after } => self.push(part, RowAction::StartLog(*id, *after)),
            LogOp::Append(entry) => {
                self.first_positioned.get_or_insert(part);
                self.push(part, RowAction::AddEntry(entry));
            }
            LogOp::SetCutoff(scope) => {
                self.first_positioned.get_or_insert(part);
                self.cutoffs.push((part, scope));
            }
        }
    }

    /// Places what depends on a position last.
    fn finish(mut self) -> Vec<RowOp<'t>> {
        if let Some(part) = self.first_positioned {
            self.push(part, RowAction::AppendEntries { own_position: !self.cutoffs.is_empty() });
        }
        if let Some(part) = self.first_refresh {
            self.push(part, RowAction::SetPositions);
        }
        for (part, scope) in std::mem::take(&mut self.cutoffs) {
            self.push(part, RowAction::RaiseCutoff(scope));
        }
        if let Some(part) = self.first_end_of_all {
            self.push(part, RowAction::InsertPendingEnds);
        }
        self.operations
    }
}

fn admin_key_action(operation: &AdminKeyOp) -> RowAction<'_> {
    match operation {
        AdminKeyOp::Insert(key) => RowAction::InsertAdminKey(key),
        AdminKeyOp::Remove(key) => RowAction::DeleteAdminKey(*key),
        AdminKeyOp::RemoveAllOf(user, event) => RowAction::DeleteAdminKeysOf(*user, Some(event)),
    }
}
