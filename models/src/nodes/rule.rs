//! The rules for several nodes that the model can leave out, one at a time.

/// A rule for several nodes on one store. Without it the checker finds a credential that is accepted after its revocation
/// was in force.
///
/// The documents call a rule by its number in `docs/adr/0044-rules-for-several-nodes.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// An observer counts the leases of a row a quarter longer than their owners do.
    ObserverMargin,
    /// An observer counts the longest lease of a verifier after the lease of the node.
    LeaseOfVerifiers,
    /// An observer counts the longest lease that the row says, not the one of its own configuration.
    PromiseInRow,
    /// A lease is in the row before the first answer that gives it.
    PromiseBeforeAnswer,
    /// An observer reads its clock after it has read a row, not before.
    ClockAfterRead,
    /// The rows that decide a wait are read after the revocation is committed.
    RowsAfterCommit,
    /// A renewal reads the log after its counter is committed, not in the same transaction.
    LogAfterCounter,
    /// A node that joins reads the log after its row is committed.
    RowBeforeLog,
    /// The lease of a node begins before its renewal does.
    LeaseFromBegin,
    /// Only a renewal with a counter prolongs the lease of a node; a read of the log does not.
    LeaseByRenewal,
    /// A notification wakes a reader of the log; what it says is never applied.
    NotificationsWake,
    /// The head and the entries of the log are read from one snapshot.
    OneSnapshot,
    /// A node reports a position after its entries are visible to all its threads.
    ReportAfterVisible,
    /// A node reports what its verifiers have acknowledged, not only what it has applied.
    ReportOfVerifiers,
    /// A node without a lease answers no poll.
    LeaseForPolls,
    /// A node without a lease accepts no credential from memory.
    LeaseForMemory,
    /// A row is removed only if its counter is the one that was observed.
    ConditionalRemoval,
    /// Each process inserts a row with an id of its own, and never continues one.
    RowOfProcess,
    /// A node that stops leaves its row: its verifiers may have leases.
    RowAfterStop,
    /// A position is drawn under a lock that is held until the commit.
    PositionUnderLock,
    /// A renewal is committed only if it is on the standby as well.
    ReplicatedRenewal,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 21] = [
        Self::ObserverMargin,
        Self::LeaseOfVerifiers,
        Self::PromiseInRow,
        Self::PromiseBeforeAnswer,
        Self::ClockAfterRead,
        Self::RowsAfterCommit,
        Self::LogAfterCounter,
        Self::RowBeforeLog,
        Self::LeaseFromBegin,
        Self::LeaseByRenewal,
        Self::NotificationsWake,
        Self::OneSnapshot,
        Self::ReportAfterVisible,
        Self::ReportOfVerifiers,
        Self::LeaseForPolls,
        Self::LeaseForMemory,
        Self::ConditionalRemoval,
        Self::RowOfProcess,
        Self::RowAfterStop,
        Self::PositionUnderLock,
        Self::ReplicatedRenewal,
    ];
}
