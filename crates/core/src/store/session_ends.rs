//! Marks the sessions as ended that a commit has revoked, where they were too many for that commit.

use crate::store::{CommitOutcome, MAX_ENDED_PER_COMMIT, PendingSessionEnd, Store, StoreError};

/// The number of pending ends that are read at a time.
const PAGE_SIZE: u32 = 16;

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
