//! What was committed: lines of the journal by kind, logins that began by mode and ended by cause.

use std::sync::atomic::{AtomicU64, Ordering};

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{EndReason, Mode};
use counterfoil_core::store::{AppliedChanges, Change, CommitListener};

/// Room for the kinds of events; a test sees that it is enough.
const KINDS: usize = 48;

/// The modes in the order of their counters.
pub(crate) const MODES: [Mode; 3] = [Mode::Session, Mode::Jwt, Mode::Hybrid];

/// Counts what the store tells its witnesses: one writer counts, so there is nothing to contend for.
#[derive(Debug)]
pub(crate) struct JournalTally {
    events: [AtomicU64; KINDS],
    opened: [AtomicU64; MODES.len()],
    ended: [AtomicU64; EndReason::ALL.len()],
    entries: AtomicU64,
}

impl Default for JournalTally {
    fn default() -> Self {
        Self {
            events: std::array::from_fn(|_| AtomicU64::new(0)),
            opened: Default::default(),
            ended: Default::default(),
            entries: AtomicU64::new(0),
        }
    }
}

impl JournalTally {
    /// How many lines of this kind were written.
    pub(crate) fn events(&self, kind: AuditEventKind) -> u64 {
        self.events[kind as usize].load(Ordering::Relaxed)
    }

    /// How many logins began in each of [`MODES`].
    pub(crate) fn opened(&self) -> impl Iterator<Item = (Mode, u64)> {
        MODES.into_iter().zip(self.opened.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// How many logins were ended for each cause. Those that only expired are not among them.
    pub(crate) fn ended(&self) -> impl Iterator<Item = (EndReason, u64)> {
        EndReason::ALL.into_iter().zip(self.ended.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// How many entries were appended to the log of revocations.
    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    fn event(&self, kind: AuditEventKind, times: usize) {
        self.events[kind as usize].fetch_add(times as u64, Ordering::Relaxed);
    }

    fn begin(&self, mode: Mode) {
        let place = MODES.iter().position(|one| *one == mode);
        place.map(|place| self.opened[place].fetch_add(1, Ordering::Relaxed));
    }
}

/// The cause for which a change ends logins, if it does.
fn cause_of(change: &Change) -> Option<EndReason> {
    match change {
        Change::EndSession(_, ending)
        | Change::EndSessionsOf { ending, .. }
        | Change::EndOldestSessionsOf { ending, .. } => Some(ending.ended.cause),
        _ => None,
    }
}

impl CommitListener for JournalTally {
    fn committed(&self, changes: &[Change], applied: &AppliedChanges) {
        for change in changes {
            match change {
                Change::Record(event) => self.event(event.kind, 1),
                Change::RecordSessionEnds(event) => self.event(event.kind, applied.ended.len()),
                Change::InsertSession(session) => self.begin(session.mode()),
                _ => {}
            }
        }
        // All that one commit ends, it ends for one reason.
        if let Some(cause) = changes.iter().find_map(cause_of)
            && let Some(place) = EndReason::ALL.iter().position(|one| *one == cause)
        {
            self.ended[place].fetch_add(applied.ended.len() as u64, Ordering::Relaxed);
        }
        self.entries.fetch_add(applied.entries.len() as u64, Ordering::Relaxed);
    }

    fn failed(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_every_kind() {
        for (place, kind) in AuditEventKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place);
            assert!(place < KINDS, "{kind:?}");
        }
    }
}
