//! What a store keeps for the status lists: the indexes of sessions, and which of them are revoked.

use counterfoil_jose::{Secret, Time};
use counterfoil_verify::{RevocationPosition, RevocationSubject, SessionId};

use crate::model::status_index::StatusIndex;

/// The state of the status lists.
#[derive(Debug, Clone)]
pub struct StatusListState {
    /// The key of the permutation of the indexes: random, drawn when the store is created, and never replaced.
    pub permutation_key: Secret<[u8; 32]>,
    /// The first index that no session has had yet.
    pub next_index: u64,
}

/// A session that has ended, with its index in the status lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub id: SessionId,
    /// Its index, if it has one.
    pub status_index: Option<StatusIndex>,
}

/// An entry of the revocation log, as the status lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRevocation {
    /// The position of the entry.
    pub position: RevocationPosition,
    /// What it revokes.
    pub subject: RevocationSubject,
    /// The index of the session that it ended.
    pub status_index: Option<StatusIndex>,
    /// When the last token that it revokes has expired; `None` for a key.
    pub until: Option<Time>,
}

/// A page of the revocation log for the status lists, from one snapshot.
#[derive(Debug, Clone, Default)]
pub struct StatusRevocationPage {
    /// The entries, in order.
    pub entries: Vec<StatusRevocation>,
    /// The position after which the next page starts. `None`: no entry follows up to `head`.
    pub next: Option<RevocationPosition>,
    /// The head of the log.
    pub head: RevocationPosition,
}
