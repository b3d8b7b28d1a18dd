//! The outcome of a commit.

use counterfoil_verify::{RevocationEntry, SessionId};

use crate::model::audit_event::AuditEvent;
use crate::model::session::EndReason;
use crate::model::status_index::StatusIndex;
use crate::store::pending_end::PendingSessionEnd;
use crate::store::query::SessionData;

/// The outcome of a commit.
#[derive(Debug, Clone)]
#[must_use]
pub enum CommitOutcome {
    /// All changes are durable.
    Applied(AppliedChanges),
    /// No change was applied, because this part conflicts. It is the first one that does.
    Conflict(TransactionPart),
}

/// An expectation or a change of a transaction, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionPart {
    /// The expectation with this index.
    Expectation(usize),
    /// The change with this index.
    Change(usize),
}

impl CommitOutcome {
    /// The result, if the changes were applied.
    pub fn applied(self) -> Option<AppliedChanges> {
        match self {
            Self::Applied(applied) => Some(applied),
            Self::Conflict(_) => None,
        }
    }
}

/// What a commit has done beyond the given changes.
#[derive(Debug, Clone, Default)]
pub struct AppliedChanges {
    /// The entries that it appended to the revocation log, in order.
    pub entries: Vec<RevocationEntry>,
    /// The sessions that it ended.
    pub ended_sessions: Vec<SessionId>,
    /// Why each of them ended, in the same order.
    pub end_reasons: Vec<EndReason>,
    /// The sessions that a purge has found to be expired, and why. No commit expires a session.
    pub expired_sessions: Vec<(SessionId, EndReason)>,
    /// The audit events of ended and expired sessions and of deleted admin keys, which the store has completed: each as it was stored.
    pub derived_events: Vec<AuditEvent>,
    /// The sessions that it has revoked and not marked as ended yet, because they were too many for one commit.
    pub pending_ends: Vec<PendingSessionEnd>,
    /// The index in the status lists of the last session that should get one.
    pub status_index: Option<StatusIndex>,
    /// The session data after the last merge.
    pub session_data: Option<SessionData>,
}
