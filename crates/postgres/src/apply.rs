//! Executes the row operations of one commit in the transaction that the writer has opened.
//!
//! ```text
//!   refresh          one round trip    everything is sent with COMMIT
//!   logout           two               which sessions have ended decides what is recorded; the rest is sent with COMMIT
//!   login            two               the same, if the sessions of a user are limited
//!   new password     more              the sessions that stay get the position that is taken
//! ```
//!
//! Other commits wait meanwhile. A login could be sent at once on the assumption that no session is above the limit. But a user
//! who is at the limit would then cost each request of the batch its transaction twice, and users who never log out are
//! always at the limit.

use std::collections::HashMap;

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::store::{
    AppliedChanges, CommitProgress, CutoffScope, Expectation, MAX_ENDED_PER_COMMIT, NewPositions, RowAction,
    SessionsToEnd, Transaction, TransactionPart, plan,
};
use counterfoil_verify::{ClientId, RevocationPosition, SessionId, UserId};

use crate::appended_entries::{AppendedEntries, with_positions};
use crate::error::QueryError;
use crate::statement::{Failure, Pipeline, Statement};
use crate::tables::sessions::end::{self, EndedRow};
use crate::tables::sessions::{self, position, row};
use crate::tables::{
    admin_keys, audit_events, clients, counters, job_locks, keys, metadata, pending_session_ends,
    revocation_log, session_data, status_indexes, users, verifier_keys,
};

/// Adds the row operations of `transaction` to the pipeline. It sends what an operation has to wait for; the others are
/// still in the pipeline when it returns, perhaps with the entries of the revocation log, which the result has not yet.
pub(crate) async fn apply<'t>(
    pipeline: &mut Pipeline<'_, 't>,
    transaction: &'t Transaction,
) -> Result<(AppliedChanges, Option<AppendedEntries>), Failure> {
    let progress = CommitProgress::default();
    let mut executor = Executor { pipeline, progress, owners: HashMap::new(), appended: None };
    for operation in plan(transaction) {
        executor.execute(operation.part, operation.action).await?;
    }
    Ok((executor.progress.finish(), executor.appended))
}

struct Executor<'e, 'c, 't> {
    pipeline: &'e mut Pipeline<'c, 't>,
    progress: CommitProgress,
    /// The user and the client of each session that has ended and has no audit event yet.
    owners: HashMap<SessionId, (UserId, ClientId)>,
    /// The entries whose positions are not read yet.
    appended: Option<AppendedEntries>,
}

impl<'t> Executor<'_, '_, 't> {
    /// Executes one operation, or adds it to the pipeline.
    async fn execute(&mut self, part: TransactionPart, action: RowAction<'t>) -> Result<(), Failure> {
        match action {
            RowAction::Check(expectation) => self.push(part, expected(expectation)?),
            RowAction::InsertUser(user) => self.push(part, users::insert(user)?),
            RowAction::UpdateUser(user) => self.push(part, users::replace(user)?),
            RowAction::RemoveUser(user) => self.push(part, users::remove(user)),
            RowAction::InsertSession(session) => self.push(part, row::insert(session)?),
            RowAction::UpdateSession(session) => {
                self.progress.session_replaced(session);
                if session.ended.is_some() {
                    self.owners.insert(session.id, (session.user, session.client.clone()));
                }
                self.push(part, row::replace(session)?);
            }
            RowAction::InsertClient(client) => self.push(part, clients::insert(client)?),
            RowAction::UpdateClient(client) => self.push(part, clients::replace(client)?),
            RowAction::InsertKey(key) => self.push(part, keys::insert(key)?),
            RowAction::UpdateKey(key) => self.push(part, keys::replace(key)?),
            RowAction::InsertAdminKey(key) => self.push(part, admin_keys::insert(key)),
            RowAction::DeleteAdminKey(id) => self.push(part, admin_keys::delete(id)),
            RowAction::InsertVerifierKey(key) => self.push(part, verifier_keys::insert(key)),
            RowAction::DeleteVerifierKey(id) => self.push(part, verifier_keys::delete(id)),
            RowAction::InsertEvent(event) => self.push(part, audit_events::insert(event)),
            RowAction::SetMetadata(key, value) => self.push(part, metadata::set(key, value)),
            RowAction::RemoveMetadata(key) => self.push(part, metadata::remove(key)),
            RowAction::SetCounter(counter, value) => self.push(part, counters::set(counter, value)?),
            RowAction::ChangeJobLock(operation) => self.push(part, job_locks::change(operation)),
            RowAction::StartLog(id, after) => self.push(part, revocation_log::start(id, after)?),
            RowAction::AddEntry(entry) => self.progress.add_entry(entry.clone()),
            RowAction::RaiseCutoff(scope) => self.raise_cutoff(part, scope)?,
            RowAction::InsertSessionEnds(event) => self.insert_session_ends(event)?,
            other => return self.execute_and_wait(part, other).await,
        }
        Ok(())
    }

    /// Executes one operation whose result others need.
    async fn execute_and_wait(
        &mut self,
        part: TransactionPart,
        action: RowAction<'t>,
    ) -> Result<(), Failure> {
        match action {
            RowAction::EndSessions(selected, ending) => {
                let rows = self.pipeline.query(end::end(selected, ending.end)?).await?;
                let mut ended = Vec::with_capacity(rows.len());
                for EndedRow { session, user, client } in end::read_ended(&rows)? {
                    self.owners.insert(session.id, (user, client));
                    ended.push(session);
                }
                let ids: Vec<SessionId> = ended.iter().map(|session| session.id).collect();
                self.after_end(selected, &ids)?;
                self.progress.sessions_ended(selected, ended, ending);
            }
            RowAction::FindSessions(selected) => {
                let rows = match position::select_refreshable(selected) {
                    Some(select) => self.pipeline.query(select).await?,
                    None => Vec::new(),
                };
                if !self.progress.sessions_to_refresh(selected, position::read_ids(&rows)?) {
                    return Err(Failure::Conflict(part));
                }
            }
            RowAction::MergeData(patch) => {
                let merged = session_data::merge(self.pipeline, patch).await?;
                if !self.progress.data_merged(merged) {
                    return Err(Failure::Conflict(part));
                }
            }
            RowAction::AssignStatusIndex(request) => {
                match status_indexes::assign(self.pipeline, request).await? {
                    Some(index) => self.progress.status_index_assigned(index),
                    None => return Err(Failure::Conflict(part)),
                }
            }
            RowAction::DeleteAdminKeysOf(user, event) => self.delete_admin_keys(user, event).await?,
            RowAction::AppendEntries { own_position } => self.append_entries(own_position).await?,
            RowAction::SetPositions => self.set_positions().await?,
            RowAction::InsertPendingEnds => self.insert_pending_ends().await?,
            // The others wait for nothing.
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, part: TransactionPart, statement: Statement<'t>) {
        self.pipeline.push(part, statement);
    }

    /// What else the end of sessions deletes.
    fn after_end(&mut self, selected: SessionsToEnd, ended: &[SessionId]) -> Result<(), Failure> {
        // An ended session is kept for a day. Its data is of no use, and a client that logs in again and again could
        // store megabytes a minute.
        if !ended.is_empty() {
            self.pipeline.push_certain(session_data::delete(ended));
        }
        if let SessionsToEnd::Below { user, position } = selected
            && ended.len() < MAX_ENDED_PER_COMMIT as usize
        {
            self.pipeline.push_certain(pending_session_ends::delete(user, position)?);
        }
        Ok(())
    }

    /// Deletes the admin keys that a user created, and inserts the event for each with the id of the key.
    async fn delete_admin_keys(&mut self, user: UserId, event: Option<&AuditEvent>) -> Result<(), Failure> {
        let rows = self.pipeline.query(admin_keys::delete_all_of_user(user)).await?;
        if let Some(event) = event {
            for key in admin_keys::read_ids(&rows)? {
                self.insert_derived_event(event.clone().with_detail(key.to_string()));
            }
        }
        Ok(())
    }

    /// Inserts the event for each session that has ended and has no such event yet.
    fn insert_session_ends(&mut self, event: &AuditEvent) -> Result<(), Failure> {
        for session in self.progress.take_unrecorded_ends(event) {
            let owner = self.owners.remove(&session);
            let (user, client) = owner.ok_or(QueryError::InvalidValue("an ended session is missing"))?;
            let event = AuditEvent { user: Some(user), ..event.clone() }.with_session(session, client);
            self.insert_derived_event(event);
        }
        Ok(())
    }

    fn insert_derived_event(&mut self, event: AuditEvent) {
        self.pipeline.push_certain(audit_events::insert(&event));
        self.progress.derived_event_inserted(event);
    }

    /// Takes positions and appends the entries that were added. It waits for the answer only if the transaction needs a
    /// position: other commits wait for the row of the head until this one has ended.
    async fn append_entries(&mut self, own_position: bool) -> Result<(), Failure> {
        match self.progress.new_positions(own_position) {
            NewPositions::None => {}
            NewPositions::Head => {
                let rows = self.pipeline.query(revocation_log::select_head()).await?;
                self.progress.read_head(revocation_log::read_head(&rows)?);
            }
            NewPositions::Take { count, at, entries } => {
                let append = revocation_log::append(count, at, &entries)?;
                if !own_position && !self.progress.needs_position() {
                    let rows = self.pipeline.push_keeping_rows(append);
                    self.appended = Some(AppendedEntries::new(entries, rows));
                    return Ok(());
                }
                let last = revocation_log::read_head(&self.pipeline.query(append).await?)?;
                self.progress.entries_appended(with_positions(&entries, last), last);
            }
        }
        Ok(())
    }

    async fn set_positions(&mut self) -> Result<(), Failure> {
        let refreshed: Vec<SessionId> = self.progress.refreshed_sessions().map(|(id, _)| id).collect();
        if let Some(at) = self.progress.position()
            && !refreshed.is_empty()
        {
            self.pipeline.push_certain(position::set_position(&refreshed, at)?);
        }
        match self.progress.cookie_position() {
            Some(to) => self.refresh_cookies(to).await,
            None => Ok(()),
        }
    }

    /// Sets the position of all cookie sessions in portions, each by a statement that ends soon.
    async fn refresh_cookies(&mut self, to: RevocationPosition) -> Result<(), Failure> {
        let mut after = Vec::new();
        loop {
            // It is sent with the change of the portion before.
            let rows = self.pipeline.query(position::select_portion_end(&after)).await?;
            let end = position::read_ids(&rows)?.pop().map(|id| *id.as_bytes());
            let last = end.unwrap_or(position::LAST_ID);
            self.pipeline.push_certain(position::refresh_cookies(&after, &last, to)?);
            match end {
                Some(end) => after = end.to_vec(),
                None => return Ok(()),
            }
        }
    }

    /// Revokes the sessions that this commit could not end, and inserts what remains to be done.
    async fn insert_pending_ends(&mut self) -> Result<(), Failure> {
        for (pending, except) in self.progress.take_pending_ends() {
            if let Some(session) = except {
                let set = position::set_position_if_refreshable(session, pending.below)?;
                self.pipeline.push_certain(set);
            }
            // Of a removed user no session is live.
            let raise = users::raise_cutoff_if_exists(pending.user, pending.below)?;
            if !self.pipeline.query(raise).await?.is_empty() {
                self.pipeline.push_certain(pending_session_ends::insert(&pending)?);
                self.progress.pending_end_inserted(pending);
            }
        }
        Ok(())
    }

    /// Raises a cutoff. It conflicts if its user or client does not exist.
    fn raise_cutoff(&mut self, part: TransactionPart, scope: &'t CutoffScope) -> Result<(), Failure> {
        // The plan takes positions before it raises a cutoff.
        let Some(position) = self.progress.position() else { return Err(Failure::Conflict(part)) };
        let raise = match scope {
            CutoffScope::User(user) => users::raise_cutoff(*user, position)?,
            CutoffScope::Client(client) => clients::raise_cutoff(client, position)?,
            CutoffScope::Everyone => revocation_log::raise_cutoff(position)?,
        };
        self.push(part, raise);
        Ok(())
    }
}

/// The statement that conflicts if the expectation does not hold.
fn expected(expectation: &Expectation) -> Result<Statement<'_>, QueryError> {
    Ok(match expectation {
        Expectation::Epoch(user, epoch) => users::require_epoch(*user, *epoch)?,
        Expectation::ClientRevision(client, revision) => clients::require_revision(client, *revision)?,
        Expectation::ActiveSession(session, now) => sessions::require_active(*session, *now),
        Expectation::AdminKey(id) => admin_keys::require(*id),
        Expectation::NoLookAlike(skeletons) => users::require_no_look_alike(skeletons),
        Expectation::JobLock(lock, now) => job_locks::require_held(*lock, *now),
    })
}
