//! Counts what the store commits: audit events by kind, sessions created and ended, revocation log entries.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use counterfoil_core::model::audit_event::AuditEventKind;
use counterfoil_core::model::session::{EndReason, Mode};
use counterfoil_core::store::{AppliedChanges, AuditOp, Change, CommitListener, SessionOp};

/// One label with a constant value.
pub(crate) type Label = [(&'static str, &'static str); 1];

/// Counts commits as a listener of the store. Every label value is a constant of the server.
#[derive(Debug)]
pub(crate) struct EventCounters {
    /// Audit events by `kind`.
    pub(crate) audit_events: Family<Label, Counter>,
    /// Sessions created by `mode`.
    pub(crate) sessions_created: Family<Label, Counter>,
    /// Sessions ended by `reason`. Those that expired are counted when the purge finds them.
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

impl CommitListener for EventCounters {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        for change in changes {
            match change {
                Change::Audit(AuditOp::Record(event)) => self.add_events(event.kind, 1),
                Change::Session(SessionOp::Insert(session)) => self.add_session(session.mode(), 1),
                _ => {}
            }
        }
        let expired = applied.expired_sessions.iter().map(|(_, reason)| reason);
        for reason in applied.end_reasons.iter().chain(expired) {
            self.add_ended(*reason, 1);
        }
        for event in &applied.derived_events {
            self.add_events(event.kind, 1);
        }
        self.revocation_log_entries.inc_by(applied.entries.len() as u64);
    }

    fn on_failure(&self) {}
}

#[cfg(test)]
mod tests {
    use counterfoil_core::model::audit_event::{Actor, AuditEvent};
    use counterfoil_core::model::session::ClientInfo;
    use counterfoil_jose::Time;
    use counterfoil_verify::SessionId;

    use super::*;

    #[test]
    fn every_kind_of_event_has_a_series_before_its_first_event() {
        let counters = EventCounters::default();

        for kind in AuditEventKind::ALL {
            let series = counters.audit_events.get(&[("kind", kind.as_str())]);
            assert_eq!(series.map(|counter| counter.get()), Some(0), "{kind:?}");
        }
    }

    #[test]
    fn sessions_that_one_commit_ends_for_two_reasons_are_counted_under_both() {
        let counters = EventCounters::default();
        let event = AuditEvent::by_actor(
            AuditEventKind::SessionEnded,
            Actor::System,
            &ClientInfo::default(),
            Time::EPOCH,
        );
        let applied = AppliedChanges {
            ended_sessions: vec![SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16])],
            end_reasons: vec![EndReason::Replaced, EndReason::SessionLimit],
            derived_events: vec![event.clone(), event],
            ..AppliedChanges::default()
        };

        counters.on_commit(&[], &applied);

        for reason in ["replaced", "session_limit"] {
            assert_eq!(counters.sessions_ended.get_or_create(&[("reason", reason)]).get(), 1, "{reason}");
        }
        assert_eq!(counters.audit_events.get_or_create(&[("kind", "session_ended")]).get(), 2);
    }
}
