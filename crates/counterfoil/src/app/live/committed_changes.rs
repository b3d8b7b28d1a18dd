//! Counts what commits change, by topic, and wakes the streams.

use tokio::sync::watch;

use counterfoil_core::store::{AppliedChanges, Change, CommitListener};

use crate::app::live::topic::{StateTopic, Topic};

/// How often each topic was changed by a commit of this process. Commits of other nodes are not counted: streams also read at
/// intervals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ChangeCounts {
    audit: u64,
    revocations: u64,
    keys: u64,
    verifiers: u64,
    /// Whether the server shuts down.
    pub(crate) is_closed: bool,
}

impl ChangeCounts {
    /// Whether the topic was changed since `before`.
    pub(crate) fn has_changed(&self, topic: Topic, before: &Self) -> bool {
        match topic {
            Topic::Audit => self.audit != before.audit,
            Topic::State(StateTopic::Revocations) => self.revocations != before.revocations,
            Topic::State(StateTopic::Keys) => self.keys != before.keys,
            Topic::State(StateTopic::Verifiers) => self.verifiers != before.verifiers,
            Topic::State(StateTopic::Health | StateTopic::Stats) => false,
        }
    }

    fn add(&mut self, changes: &[Change], applied: &AppliedChanges) {
        for change in changes {
            match change {
                Change::Audit(_) => self.audit += 1,
                Change::Key(_) => self.keys += 1,
                Change::VerifierKey(_) => self.verifiers += 1,
                Change::User(_)
                | Change::Session(_)
                | Change::Client(_)
                | Change::AdminKey(_)
                | Change::Log(_)
                | Change::Metadata(..)
                | Change::Counter(..)
                | Change::JobLock(_) => {}
            }
        }
        self.audit += applied.derived_events.len() as u64;
        self.revocations += applied.entries.len() as u64;
    }
}

/// Receives each commit.
#[derive(Debug, Default)]
pub(crate) struct CommittedChanges(watch::Sender<ChangeCounts>);

impl CommittedChanges {
    /// Is woken by each commit that changes a topic.
    pub(crate) fn subscribe(&self) -> watch::Receiver<ChangeCounts> {
        self.0.subscribe()
    }

    /// Wakes every stream for the last time.
    pub(crate) fn close(&self) {
        self.0.send_modify(|counts| counts.is_closed = true);
    }
}

impl CommitListener for CommittedChanges {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        // Most of the time no stream is open.
        if self.0.receiver_count() == 0 {
            return;
        }
        self.0.send_if_modified(|counts| {
            let before = *counts;
            counts.add(changes, applied);
            *counts != before
        });
    }

    /// The streams notice it at their next read.
    fn on_failure(&self) {}
}

#[cfg(test)]
mod tests {
    use counterfoil_core::credentials::admin_key::AdminKeyId;
    use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
    use counterfoil_core::model::session::ClientInfo;
    use counterfoil_core::store::AdminKeyOp;
    use counterfoil_jose::Time;

    use super::*;

    fn event() -> AuditEvent {
        AuditEvent {
            at: Time::from_unix_seconds(1_764_000_000),
            kind: AuditEventKind::LoginSucceeded,
            user: None,
            session: None,
            client: None,
            actor: Actor::System,
            reason: None,
            client_info: ClientInfo::default(),
            detail: None,
        }
    }

    #[test]
    fn a_commit_wakes_for_the_topics_that_it_changes_only() {
        let changes = CommittedChanges::default();
        let mut woken = changes.subscribe();
        let before = *woken.borrow_and_update();

        let removed = Change::AdminKey(AdminKeyOp::Remove(AdminKeyId::from_bytes([1; 16])));
        changes.on_commit(&[removed], &AppliedChanges::default());
        assert!(!woken.has_changed().unwrap());
        changes.on_commit(&[Change::record_event(event())], &AppliedChanges::default());

        let after = *woken.borrow_and_update();
        assert!(after.has_changed(Topic::Audit, &before));
        assert!(!after.has_changed(Topic::State(StateTopic::Keys), &before));
        let derived = AppliedChanges { derived_events: vec![event()], ..AppliedChanges::default() };
        changes.on_commit(&[], &derived);
        let last = *woken.borrow();
        assert!(last.has_changed(Topic::Audit, &after));
    }
}
