//! Sessions that are revoked and not marked as ended yet, because they were too many for one commit.

use counterfoil_verify::{RevocationPosition, UserId};

use crate::model::audit_event::AuditEvent;
use crate::store::Store;
use crate::store::change::{Change, MAX_ENDED_PER_COMMIT, SessionEnding, SessionOp, SessionsToEnd};
use crate::store::error::StoreError;
use crate::store::outcome::CommitOutcome;
use crate::store::transaction::Transaction;

/// The number of pending ends that are read at a time.
const PAGE_SIZE: u32 = 16;

/// Sessions of a user that a commit has revoked by the cutoff of the user, because they were too many to end in that
/// commit. They are invalid since then, and later commits mark them as ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSessionEnd {
    /// The user.
    pub user: UserId,
    /// The cutoff. It is about the sessions with a lower position.
    pub below: RevocationPosition,
    /// When and why they ended.
    pub ending: SessionEnding,
    /// The audit event for each session. A store fills in the session, its user and its client.
    pub event: AuditEvent,
}

impl PendingSessionEnd {
    /// The transaction that marks the next sessions as ended, at most
    /// [`MAX_ENDED_PER_COMMIT`](crate::store::MAX_ENDED_PER_COMMIT), and records the end of each. If it ends fewer,
    /// none remains.
    pub fn next_portion(&self) -> Transaction {
        let sessions = SessionsToEnd::Below { user: self.user, position: self.below };
        Transaction::new([
            Change::Session(SessionOp::End(sessions, self.ending)),
            Change::record_session_ends(self.event.clone()),
        ])
    }
}

/// Marks the sessions of these pending ends, in portions between which other commits proceed. Returns their number.
///
/// The sessions are invalid already. What it adds are the revocation log entries for access tokens that were issued to them,
/// so a request that ends sessions answers only after it. If it fails or its caller is gone, [`complete_all_session_ends`] does the rest.
///
/// # Errors
///
/// If a commit fails. What was marked stays so.
pub async fn complete_session_ends(
    store: &dyn Store,
    pending: &[PendingSessionEnd],
) -> Result<usize, StoreError> {
    let mut ended = 0;
    for pending in pending {
        ended += complete_one(store, pending).await?;
    }
    Ok(ended)
}

async fn complete_one(store: &dyn Store, pending: &PendingSessionEnd) -> Result<usize, StoreError> {
    let mut ended = 0;
    loop {
        let portion = match store.commit(&pending.next_portion()).await? {
            CommitOutcome::Applied(applied) => applied.ended_sessions.len(),
            // It has no condition that could conflict.
            CommitOutcome::Conflict(_) => 0,
        };
        ended += portion;
        if portion < MAX_ENDED_PER_COMMIT as usize {
            return Ok(ended);
        }
    }
}

/// Marks the sessions of all pending ends: those that requests left behind that have failed, and those of before a crash.
/// Returns their number.
///
/// # Errors
///
/// As [`complete_session_ends`].
pub async fn complete_all_session_ends(store: &dyn Store) -> Result<usize, StoreError> {
    let mut ended = 0;
    loop {
        let pending = store.pending_session_ends(PAGE_SIZE).await?;
        if pending.is_empty() {
            return Ok(ended);
        }
        ended += complete_session_ends(store, &pending).await?;
    }
}
