//! The rules for caches that the model can leave out, one at a time.

/// A rule for the caches of several nodes, or for refreshes at several nodes. Without it the checker finds a fault.
///
/// The documents explain each in `docs/adr/0044-rules-for-several-nodes.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Every change of what a cache holds has an entry in a log that the nodes follow, not only a revocation.
    EntryForEachChange,
    /// A reader puts a value into memory only if no entry was applied since before its read.
    UnchangedSinceRead,
    /// A node invalidates its memory before it counts the entries as applied.
    InvalidateBeforeHead,
    /// A node whose position has been pruned empties its memory.
    EmptyWhenPruned,
    /// A value of the shared cache is used only if no entry after the head at which it was read concerns it.
    HeadOfSharedValue,
    /// A value of the shared cache is not used if entries after the head at which it was read may have been pruned.
    AgeOfSharedValue,
    /// The head that a value carries is from its snapshot, or from before it.
    HeadOfSnapshot,
    /// A refresh replaces the turn that it was decided by.
    SwapByRevision,
    /// A refresh is acknowledged when it is on the standby as well.
    AcknowledgeReplicated,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 9] = [
        Self::EntryForEachChange,
        Self::UnchangedSinceRead,
        Self::InvalidateBeforeHead,
        Self::EmptyWhenPruned,
        Self::HeadOfSharedValue,
        Self::AgeOfSharedValue,
        Self::HeadOfSnapshot,
        Self::SwapByRevision,
        Self::AcknowledgeReplicated,
    ];
}
