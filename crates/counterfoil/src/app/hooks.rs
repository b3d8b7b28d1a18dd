//! What the embedding application brings: functions that are called on events, its users and its store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::{io, thread};

use counterfoil_core::model::audit_event::AuditEvent;
use counterfoil_core::services::application_users::UserStore;
use counterfoil_core::services::issuer::ClaimsProvider;
use counterfoil_core::store::{AppliedChanges, AuditOp, Change, CommitListener, Store};

use crate::runtime::panics;

/// How many events may wait for the listener.
const QUEUE_SIZE: usize = 1024;

/// A listener for audit events.
pub(crate) type EventListener = Arc<dyn Fn(&AuditEvent) + Send + Sync>;

/// What the embedding application brings.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    /// Called with every audit event after it is durable.
    pub(crate) on_event: Option<EventListener>,
    /// The further claims of access tokens.
    pub(crate) claims: Option<ClaimsProvider>,
    /// The application's own user table.
    pub(crate) users: Option<Arc<dyn UserStore>>,
    /// A store that the application has opened.
    pub(crate) store: Option<Arc<dyn Store>>,
}

/// Passes the audit events of each commit to a listener on another thread: the store's writer must not wait for it.
pub(crate) struct EventNotifier {
    events: SyncSender<AuditEvent>,
    /// Whether the last event found the queue full.
    is_full: AtomicBool,
}

impl EventNotifier {
    /// Starts the thread of the listener. It ends when the notifier is dropped.
    ///
    /// # Errors
    ///
    /// If the system starts no thread.
    pub(crate) fn start(listener: EventListener) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE_SIZE);
        let thread = thread::Builder::new().name("audit-events".into());
        thread.spawn(move || notify_all(&receiver, &*listener))?;
        Ok(Self { events: sender, is_full: AtomicBool::new(false) })
    }

    fn notify(&self, event: AuditEvent) {
        match self.events.try_send(event) {
            // The thread ends only with this value.
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.is_full.store(false, Ordering::Relaxed),
            // One line for each time that it falls behind: one commit may end thousands of sessions.
            Err(TrySendError::Full(_)) if self.is_full.swap(true, Ordering::Relaxed) => {}
            Err(TrySendError::Full(event)) => {
                let kind = event.kind.as_str();
                tracing::warn!(kind, "the event listener is too slow: events are not passed to it");
            }
        }
    }
}

fn notify_all(events: &Receiver<AuditEvent>, listener: &dyn Fn(&AuditEvent)) {
    for event in events {
        if catch_unwind(AssertUnwindSafe(|| listener(&event))).is_err() {
            panics::count_panic();
            tracing::error!(kind = event.kind.as_str(), "the event listener panicked");
        }
    }
}

impl CommitListener for EventNotifier {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        for change in changes {
            if let Change::Audit(AuditOp::Record(event)) = change {
                self.notify((**event).clone());
            }
        }
        applied.derived_events.iter().for_each(|event| self.notify(event.clone()));
    }

    fn on_failure(&self) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::time::Duration;

    use counterfoil_core::model::audit_event::{Actor, AuditEventKind};
    use counterfoil_core::model::session::{ClientInfo, EndReason};
    use counterfoil_jose::Time;

    use super::*;

    fn event(kind: AuditEventKind) -> AuditEvent {
        AuditEvent::by_actor(kind, Actor::System, &ClientInfo::default(), Time::EPOCH)
    }

    fn record(kind: AuditEventKind) -> Change {
        Change::record_event(event(kind))
    }

    #[test]
    fn a_panic_of_the_listener_does_not_keep_later_events_from_it() {
        let (seen, received) = mpsc::channel();
        let seen = Mutex::new(seen);
        let notifier = EventNotifier::start(Arc::new(move |event: &AuditEvent| {
            assert!(event.kind != AuditEventKind::LoginFailed, "a panic on purpose");
            seen.lock().unwrap().send(event.clone()).unwrap();
        }));
        let notifier = notifier.unwrap();

        notifier.on_commit(&[record(AuditEventKind::LoginFailed)], &AppliedChanges::default());
        let ended = event(AuditEventKind::SessionEnded).with_reason(EndReason::Logout);
        let derived_events = vec![ended.clone()];
        notifier.on_commit(&[], &AppliedChanges { derived_events, ..AppliedChanges::default() });

        assert_eq!(received.recv_timeout(Duration::from_secs(10)).unwrap(), ended);
    }

    #[test]
    fn a_slow_listener_does_not_block_the_store() {
        let (release, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let notifier = EventNotifier::start(Arc::new(move |_: &AuditEvent| {
            let _ = wait.lock().unwrap().recv();
        }));
        let notifier = notifier.unwrap();

        for _ in 0..2 * QUEUE_SIZE {
            notifier.on_commit(&[record(AuditEventKind::LoginFailed)], &AppliedChanges::default());
        }
        drop(release);
    }
}
