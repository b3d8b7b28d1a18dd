//! The store: reads, and one write operation that applies a transaction or nothing of it.
//!
//! Every store guarantees the following, beyond what the methods say. The conformance suite tests it.
//!
//! - A commit that [`Store::commit`] has confirmed is durable: it survives a crash and a loss of power.
//! - The changes of a commit become visible together, to all readers at the same moment.
//! - Positions of the revocation log follow the order of commits, and no position is assigned twice.
//! - An ended session never becomes active again, whatever is replaced, merged or inserted.
//! - A store decides nothing: it compares and writes.
//! - After a commit with an unknown outcome a store rejects everything until it is opened again, or until it has found out
//!   whether the commit was executed. Its listeners are told so: [`CommitListener::on_failure`].

mod audit_retention;
mod change;
pub mod check;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod copy;
mod counter;
mod error;
mod expiry_events;
mod job_lock;
pub mod metrics;
mod node;
mod outcome;
mod pending_end;
mod plan;
mod purged;
mod query;
mod revocation_log;
pub mod session_cache;
mod session_context;
mod session_ends;
mod session_retention;
mod status_index;
mod transaction;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use counterfoil_jose::Time;
use counterfoil_verify::{ClientId, RevocationLogId, RevocationPosition, SessionId, UserId};

use crate::credentials::admin_key::AdminKeyId;
use crate::credentials::verifier_key::VerifierKeyId;
use crate::model::admin_key::AdminKeyRecord;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::external_id::ExternalId;
use crate::model::key::KeyRecord;
use crate::model::session::Session;
use crate::model::status_index::StatusIndex;
use crate::model::user::User;
use crate::model::username::Skeletons;
use crate::model::verifier_key::VerifierKeyRecord;
use crate::store::metrics::StoreMetrics;

pub use audit_retention::{AuditRetention, PurgedEvents};
pub use change::{
    AdminKeyOp, AuditOp, Change, ClientOp, CutoffScope, KeyOp, LastSeen, LogOp, MAX_ENDED_PER_COMMIT,
    NewRevocation, SessionDataPatch, SessionEnding, SessionOp, SessionsToEnd, SessionsToRefresh,
    StatusIndexRequest, UserOp, VerifierKeyOp,
};
pub use counter::{CounterIncrement, CounterKey, CounterValue};
pub use error::StoreError;
pub use expiry_events::ExpiryEvents;
pub use job_lock::{JobLock, JobLockOp, NodeId};
pub use node::{MAX_ACCESS_LIFETIME, NodeChange, NodeNews, NodeRegistry, NodeRenewal, NodeRow};
pub use outcome::{AppliedChanges, CommitOutcome, TransactionPart};
pub use pending_end::PendingSessionEnd;
pub use plan::{CommitProgress, NewPositions, RowAction, RowOp, plan};
pub use purged::Purged;
pub use query::{
    AdminKeyCursor, AuditEventNumber, AuditEventQuery, LoginName, Page, PortionCount, RevocationLogPage,
    Scan, SessionCursor, SessionData, SessionQuery, SessionsByMode, VerifierKeyCursor,
};
pub use revocation_log::load_revocations;
pub use session_context::SessionContext;
pub use session_ends::{complete_all_session_ends, complete_session_ends};
pub use session_retention::{ENDED_SESSION_RETENTION, EXPIRED_SESSION_RETENTION, EXPIRY_RECORD_DELAY};
pub use status_index::{EndedSession, StatusListState, StatusRevocation, StatusRevocationPage};
pub use transaction::{Expectation, Transaction};

/// The most values that [`Store::metadata_with_prefix`] reads.
pub const MAX_METADATA: u32 = 10_000;

/// A store of records. [`Store::commit`] is the only way to change records other than counters and times of
/// last use.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The session `id`, active or not.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// The session `id` with its user, client and revocation position, read from one snapshot.
    async fn session_context(&self, id: SessionId) -> Result<Option<SessionContext>, StoreError>;

    /// The active sessions of `user` at `now`, newest first, at most `page.limit`. Sessions below a
    /// revocation cutoff are not active.
    async fn sessions_of(
        &self,
        user: UserId,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Vec<Session>, StoreError>;

    /// How many sessions are active at `now`: those of a client, or all. It may read all sessions.
    async fn count_active_sessions(&self, client: Option<ClientId>, now: Time) -> Result<u64, StoreError>;

    /// Counts the sessions that are active at `now`, by mode, among the next `portion.limit` that have not ended, the newest
    /// first.
    async fn count_sessions_by_mode(
        &self,
        portion: Page<SessionCursor>,
        now: Time,
    ) -> Result<PortionCount<SessionsByMode, SessionCursor>, StoreError>;

    /// Sessions that are active at `now` and match `query`, newest first, at most `page.limit`. It visits a bounded number
    /// of sessions.
    async fn sessions(
        &self,
        query: &SessionQuery,
        page: Page<SessionCursor>,
        now: Time,
    ) -> Result<Scan<Session, SessionCursor>, StoreError>;

    /// Whether `user` has a session, other than `except`, that has not ended. An expired one counts: access tokens of it
    /// may still be valid.
    async fn has_sessions_to_end(&self, user: UserId, except: Option<SessionId>) -> Result<bool, StoreError>;

    /// The user `id`.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The usernames of those of these users who exist, in any order.
    async fn usernames(&self, users: &[UserId]) -> Result<Vec<(UserId, String)>, StoreError>;

    /// The user with this username or this verified e-mail address.
    async fn user_by_login(&self, login: &LoginName) -> Result<Option<User>, StoreError>;

    /// A user whose username has one of these skeletons: a name that looks the same.
    async fn user_by_skeletons(&self, skeletons: &Skeletons) -> Result<Option<User>, StoreError>;

    /// The user with this id of the application.
    async fn user_by_external_id(&self, id: &ExternalId) -> Result<Option<User>, StoreError>;

    /// An administrator other than `user`: enabled, with the role. It may read all users.
    async fn another_administrator(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// Users in the order of their folded names, after the given one.
    async fn users(&self, page: Page<String>) -> Result<Vec<User>, StoreError>;

    /// The users directly before this folded name, at most `limit`, in the order of their folded names.
    async fn users_before(&self, name: &str, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Counts at most `portion.limit` users, in the order of their case-folded usernames.
    async fn count_users(&self, portion: Page<String>) -> Result<PortionCount<u64, String>, StoreError>;

    /// The client `id`.
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError>;

    /// Clients in the order of their ids, after the given one.
    async fn clients(&self, page: Page<ClientId>) -> Result<Vec<Client>, StoreError>;

    /// The admin key `id`.
    async fn admin_key(&self, id: AdminKeyId) -> Result<Option<AdminKeyRecord>, StoreError>;

    /// Admin keys after the given one, oldest first.
    async fn admin_keys(&self, page: Page<AdminKeyCursor>) -> Result<Vec<AdminKeyRecord>, StoreError>;

    /// The verifier key `id`.
    async fn verifier_key(&self, id: VerifierKeyId) -> Result<Option<VerifierKeyRecord>, StoreError>;

    /// Verifier keys after the given one, oldest first.
    async fn verifier_keys(
        &self,
        page: Page<VerifierKeyCursor>,
    ) -> Result<Vec<VerifierKeyRecord>, StoreError>;

    /// Sessions that a commit has revoked and that are still to be marked as ended, at most `limit`, in the order of
    /// the cutoffs.
    async fn pending_session_ends(&self, limit: u32) -> Result<Vec<PendingSessionEnd>, StoreError>;

    /// All keys of the installation.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// The first `limit` entries of the revocation log after `after`, and its head, from one snapshot.
    async fn revocation_log_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<RevocationLogPage, StoreError>;

    /// The head of the revocation log. Later commits have higher positions.
    async fn revocation_log_head(&self) -> Result<RevocationPosition, StoreError>;

    /// The id of the revocation log. It changes when the store is restored from a backup.
    async fn revocation_log_id(&self) -> Result<RevocationLogId, StoreError>;

    /// The state of the status lists.
    async fn status_list_state(&self) -> Result<StatusListState, StoreError>;

    /// The first `limit` entries of the revocation log after `after`, with the indexes of the sessions that they ended, and
    /// the head of the log, from one snapshot.
    async fn status_revocations_after(
        &self,
        after: RevocationPosition,
        limit: NonZeroU32,
    ) -> Result<StatusRevocationPage, StoreError>;

    /// The status indexes of the sessions of a client, or of all, whose position is below `below`: those that a cutoff at
    /// this position revokes. In the order of the session ids, after the given one. It visits a bounded number of sessions.
    async fn status_indexes_below(
        &self,
        client: Option<&ClientId>,
        below: RevocationPosition,
        after: Option<SessionId>,
    ) -> Result<Scan<StatusIndex, SessionId>, StoreError>;

    /// The data of a session. `None` if it has none.
    async fn session_data(&self, session: SessionId) -> Result<Option<SessionData>, StoreError>;

    /// A value of the installation's metadata, by its key.
    async fn metadata(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values of the installation's metadata whose keys begin with `prefix`, with their keys, in the order of the keys, at
    /// most [`MAX_METADATA`].
    async fn metadata_with_prefix(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Audit events that match `query`, the newest first, or the oldest first after [`AuditEventQuery::after`]. It visits a
    /// bounded number of events.
    async fn audit_events(
        &self,
        query: &AuditEventQuery,
    ) -> Result<Scan<(AuditEventNumber, AuditEvent), AuditEventNumber>, StoreError>;

    /// The newest time in any record. The clock never starts before it.
    async fn newest_time(&self) -> Result<Time, StoreError>;

    /// Applies a transaction durably, or nothing of it: it executes the row operations of [`plan()`] in their
    /// order.
    ///
    /// [`CommitOutcome::Conflict`] names the first expectation or change that conflicts.
    ///
    /// After submission a commit is carried out whether or not the caller waits for it.
    async fn commit(&self, transaction: &Transaction) -> Result<CommitOutcome, StoreError>;

    /// Records that sessions were used. Each entry moves `seen_at` forward, never back, and raises the
    /// revision of a session that has not ended. It has no effect on other sessions.
    ///
    /// Commit listeners are not called: a use revokes nothing, and the session cache knows of it before the
    /// store does.
    async fn record_last_seen(&self, uses: &[LastSeen]) -> Result<(), StoreError>;

    /// Atomically increments counters and returns their new values in the same order. Parallel callers get
    /// different values.
    async fn increment_counters(
        &self,
        increments: &[CounterIncrement],
        now: Time,
    ) -> Result<Vec<CounterValue>, StoreError>;

    /// The values of counters, in the same order, from one snapshot. A counter that does not exist, or whose
    /// window is over, has the value 0 until `now`.
    async fn counters(&self, counters: &[CounterKey], now: Time) -> Result<Vec<CounterValue>, StoreError>;

    /// Removes what has expired at `now`, and the rows of removed users, but for audit events, at most `limit` rows.
    /// Returns the number of rows that it removed or examined; 0 if nothing is left to do. `now` must be a confirmed time:
    /// what is removed because of a clock jump would be missing when the clock is set back.
    ///
    /// It records each session that has expired once, in the transaction that notes this, and calls the commit listeners with
    /// these events. A session that was ended or that a cutoff revokes has not expired.
    async fn purge(&self, now: Time, limit: u32, expiries: ExpiryEvents) -> Result<u64, StoreError>;

    /// Removes audit events that are too old at `now` or above the limit, the oldest first, at most `limit` events of each
    /// kind. The newest event always stays. For `now`, the same holds as for [`purge`](Self::purge).
    async fn purge_audit_log(
        &self,
        retention: AuditRetention,
        now: Time,
        limit: u32,
    ) -> Result<PurgedEvents, StoreError>;

    /// Calls `listener` for every commit, in order, before the caller is answered.
    fn subscribe(&self, listener: Arc<dyn CommitListener>);

    /// The metrics since the store was opened.
    fn metrics(&self) -> &StoreMetrics;

    /// The registry of the processes that have this store open. `None` if only one process at a time can.
    fn node_registry(&self) -> Option<&dyn NodeRegistry> {
        None
    }

    /// Completes submitted commits and closes the store. Later calls fail.
    async fn close(&self) -> Result<(), StoreError>;
}

/// A store in a file, which can be copied while the store is in use. Stores of a database server have backup
/// tools of their own.
#[async_trait]
pub trait FileBackup: Send + Sync + 'static {
    /// Writes a consistent copy of the store to the new file `to`.
    ///
    /// # Errors
    ///
    /// If `to` exists or cannot be written. No incomplete copy is left.
    async fn backup(&self, to: &Path) -> Result<(), StoreError>;
}

/// A listener for commits. The session cache depends on it to be exact.
///
/// The writer of this process calls it after the commit and before the caller is answered, even if the caller no longer
/// waits. Commits of other processes are not reported: see [`NodeRegistry`].
pub trait CommitListener: Send + Sync {
    /// `changes` are durable, with this result.
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges);

    /// A commit failed with an unknown outcome, or this process is no longer the only writer as far as it knows: everything in
    /// memory is unreliable. If the store recovers, later commits are reported again.
    fn on_failure(&self);
}
