//! Decides where the response to a poll begins: after the position of the verifier, or with a snapshot.

use counterfoil_verify::{RevocationLogId, RevocationPosition};

/// What a poll says about the state of its verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierPosition {
    /// The position up to which the verifier has every entry. `None`: it has nothing.
    pub after: Option<RevocationPosition>,
    /// The log of that position.
    pub log: Option<RevocationLogId>,
}

/// The state of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// Its id.
    pub id: RevocationLogId,
    /// Its head.
    pub head: RevocationPosition,
    /// Every active entry after this position is in memory. Entries up to it may have been pruned.
    pub pruned: RevocationPosition,
}

/// Where a response begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After this position.
    After(RevocationPosition),
    /// With the first active entry.
    Snapshot(SnapshotReason),
}

/// Why a verifier gets a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotReason {
    /// It names no position.
    First,
    /// Its position is one of another log.
    OtherLog,
    /// Entries after its position may have been pruned.
    Pruned,
    /// Its position is beyond the head: it has seen entries that this store does not have.
    BeyondHead,
}

impl SnapshotReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::First, Self::OtherLog, Self::Pruned, Self::BeyondHead];

    /// The value of the label `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::OtherLog => "other_log",
            Self::Pruned => "pruned",
            Self::BeyondHead => "beyond_head",
        }
    }
}

impl VerifierPosition {
    /// Where the response begins. `continues` is the position after which this verifier was told that more follows: the
    /// pages of a snapshot begin there, however old they are.
    pub fn evaluate(self, state: &LogState, continues: Option<RevocationPosition>) -> Start {
        let Some(after) = self.after else { return Start::Snapshot(SnapshotReason::First) };
        if self.log != Some(state.id) {
            return Start::Snapshot(SnapshotReason::OtherLog);
        }
        if after > state.head {
            return Start::Snapshot(SnapshotReason::BeyondHead);
        }
        if after < state.pruned && continues != Some(after) {
            return Start::Snapshot(SnapshotReason::Pruned);
        }
        Start::After(after)
    }

    /// The position up to which the verifier has shown all entries to all its threads. A position of another log, or one
    /// beyond the head, acknowledges nothing.
    pub fn acknowledged(self, state: &LogState) -> Option<RevocationPosition> {
        self.after.filter(|after| self.log == Some(state.id) && *after <= state.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: RevocationLogId = RevocationLogId::from_bytes([1; 16]);
    const OTHER: RevocationLogId = RevocationLogId::from_bytes([2; 16]);
    const STATE: LogState =
        LogState { id: LOG, head: RevocationPosition::new(100), pruned: RevocationPosition::new(40) };

    fn at(after: u64, log: Option<RevocationLogId>) -> VerifierPosition {
        VerifierPosition { after: Some(RevocationPosition::new(after)), log }
    }

    #[test]
    fn a_verifier_that_is_behind_gets_the_entries_after_its_position() {
        for after in [40, 41, 99, 100] {
            let start = at(after, Some(LOG)).evaluate(&STATE, None);
            assert_eq!(start, Start::After(RevocationPosition::new(after)));
        }
    }

    #[test]
    fn a_position_that_cannot_be_continued_gets_a_snapshot() {
        let none = VerifierPosition { after: None, log: Some(LOG) };
        for (position, reason) in [
            (none, SnapshotReason::First),
            (at(50, Some(OTHER)), SnapshotReason::OtherLog),
            (at(50, None), SnapshotReason::OtherLog),
            (at(39, Some(LOG)), SnapshotReason::Pruned),
            (at(101, Some(LOG)), SnapshotReason::BeyondHead),
            (at(u64::MAX, Some(LOG)), SnapshotReason::BeyondHead),
        ] {
            assert_eq!(position.evaluate(&STATE, None), Start::Snapshot(reason), "{position:?}");
        }
    }

    #[test]
    fn the_pages_of_a_snapshot_continue_below_the_pruned_position() {
        let continues = Some(RevocationPosition::new(7));

        assert_eq!(at(7, Some(LOG)).evaluate(&STATE, continues), Start::After(RevocationPosition::new(7)));
        let another = at(8, Some(LOG)).evaluate(&STATE, continues);
        assert_eq!(another, Start::Snapshot(SnapshotReason::Pruned));
    }

    #[test]
    fn only_a_position_of_this_log_up_to_the_head_acknowledges() {
        assert_eq!(at(100, Some(LOG)).acknowledged(&STATE), Some(RevocationPosition::new(100)));
        // Pruned positions are acknowledged all the same: the verifier has had those entries.
        assert_eq!(at(3, Some(LOG)).acknowledged(&STATE), Some(RevocationPosition::new(3)));
        for position in [
            at(101, Some(LOG)),
            at(50, Some(OTHER)),
            at(50, None),
            VerifierPosition { after: None, log: Some(LOG) },
        ] {
            assert_eq!(position.acknowledged(&STATE), None, "{position:?}");
        }
    }
}
