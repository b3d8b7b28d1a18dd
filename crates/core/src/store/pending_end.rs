//! Sessions that are revoked and not marked as ended yet, because they were too many for one commit.

use counterfoil_verify::{RevocationPosition, UserId};

use crate::model::audit_event::AuditEvent;
use crate::store::change::{Change, SessionEnding, SessionOp, SessionsToEnd};
use crate::store::transaction::Transaction;

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
