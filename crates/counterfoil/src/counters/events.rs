//! Counts what the store commits: audit events by kind, sessions created and ended, revocation log entries.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{EndReason, Mode};
use counterfoil_core::store::{AppliedChanges, Change, CommitListener};

/// One label with a constant value.
pub(crate) type Label = [(&'static str, &'static str); 1];

/// Counts commits as a listener of the store. Every label value is a constant of the server.
#[derive(Debug)]
pub(crate) struct EventCounters {
    /// Audit events by `kind`.
    pub(crate) audit_events: Family<Label, Counter>,
    /// Sessions created by `mode`.
    pub(crate) sessions_created: Family<Label, Counter>,
    /// Sessions ended by `reason`, without those that expired.
    pub(crate) sessions_ended: Family<Label, Counter>,
    /// Entries appended to the revocation log.
    pub(crate) revocation_log_entries: Counter,
}

impl Default for EventCounters {
    /// Every series starts at zero, so that a rate can be computed from the first event on.
    fn default() -> Self {
        let counters = Self {
            audit_events: Family::default(),
            sessions_created: Family::default(),
            sessions_ended: Family::default(),
            revocation_log_entries: Counter::default(),
        };
        for kind in AuditEventKind::ALL {
            counters.add_events(*kind, 0);
        }
        for mode in [Mode::Session, Mode::Jwt, Mode::Hybrid] {
            counters.add_session(mode, 0);
        }
        for reason in EndReason::ALL {
            counters.add_ended(reason, 0);
        }
        counters
    }
}

impl EventCounters {
    /// Audit events of one kind.
    pub(crate) fn audit_event(&self, kind: AuditEventKind) -> u64 {
        self.audit_events.get_or_create(&[("kind", kind.as_str())]).get()
    }

    fn add_events(&self, kind: AuditEventKind, count: u64) {
        self.audit_events.get_or_create(&[("kind", kind.as_str())]).inc_by(count);
    }

    fn add_session(&self, mode: Mode, count: u64) {
        self.sessions_created.get_or_create(&[("mode", mode.as_str())]).inc_by(count);
    }

    fn add_ended(&self, reason: EndReason, count: u64) {
        self.sessions_ended.get_or_create(&[("reason", reason.as_str())]).inc_by(count);
    }
}

/// The reason for which a change ends sessions, `None` for a change that ends none.
fn end_reason(change: &Change) -> Option<EndReason> {
    match change {
        Change::EndSession(_, ending)
        | Change::EndSessionsOf { ending, .. }
        | Change::EndOldestSessionsOf { ending, .. } => Some(ending.end.reason),
        _ => None,
    }
}

impl CommitListener for EventCounters {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        let ended = applied.ended_sessions.len() as u64;
        for change in changes {
            match change {
                Change::RecordEvent(event) => self.add_events(event.kind, 1),
                Change::RecordSessionEnds(event) => self.add_events(event.kind, ended),
                Change::InsertSession(session) => self.add_session(session.mode(), 1),
                _ => {}
            }
        }
        // One commit ends all its sessions for one reason.
        if let Some(reason) = changes.iter().find_map(end_reason) {
            self.add_ended(reason, ended);
        }
        self.revocation_log_entries.inc_by(applied.entries.len() as u64);
    }

    fn on_failure(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_has_a_series_before_its_first_event() {
        let counters = EventCounters::default();

        for kind in AuditEventKind::ALL {
            let series = counters.audit_events.get(&[("kind", kind.as_str())]);
            assert_eq!(series.map(|counter| counter.get()), Some(0), "{kind:?}");
        }
    }
}
