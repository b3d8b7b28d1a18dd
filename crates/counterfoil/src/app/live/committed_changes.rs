//! Notes what commits change, by topic, and wakes the streams of these topics.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use counterfoil_core::store::{AppliedChanges, Change, CommitListener};

use crate::app::live::topic::{StateTopic, Topic, TopicSet};

/// Receives each commit of this process. Commits of other nodes are not noted: streams also read at intervals.
#[derive(Debug, Default)]
pub(crate) struct CommittedChanges(Mutex<Vec<Weak<Subscriber>>>);

/// A stream.
#[derive(Debug)]
struct Subscriber {
    topics: TopicSet,
    /// The bits of the topics that were changed since the stream began to read them.
    changed: AtomicU8,
    woken: Notify,
}

/// What commits have changed of the topics of one stream.
#[derive(Debug)]
pub(crate) struct ChangedTopics(Arc<Subscriber>);

impl CommittedChanges {
    /// Notes every later change of the topics.
    pub(crate) fn subscribe(&self, topics: &[Topic]) -> ChangedTopics {
        let topics = topics.iter().copied().collect();
        let subscriber = Arc::new(Subscriber { topics, changed: AtomicU8::new(0), woken: Notify::new() });
        let mut subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        subscribers.push(Arc::downgrade(&subscriber));
        ChangedTopics(subscriber)
    }
}

impl CommitListener for CommittedChanges {
    fn on_commit(&self, changes: &[Change], applied: &AppliedChanges) {
        let changed = changed_topics(changes, applied);
        if changed.is_empty() {
            return;
        }
        let subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.iter().filter_map(Weak::upgrade) {
            subscriber.note(changed);
        }
    }

    /// The streams notice it at their next read.
    fn on_failure(&self) {}
}

impl Subscriber {
    /// Wakes the stream, unless nothing of its topics was changed, or it knows already that all of them were.
    fn note(&self, changed: TopicSet) {
        let of_it = changed.bits() & self.topics.bits();
        let noted = self.changed.fetch_or(of_it, Ordering::AcqRel);
        if of_it & !noted != 0 {
            self.woken.notify_one();
        }
    }
}

impl ChangedTopics {
    /// The topics that were changed.
    pub(crate) fn get(&self) -> TopicSet {
        TopicSet::from_bits(self.0.changed.load(Ordering::Acquire))
    }

    /// Forgets that the topic was changed: call it before the topic is read, so that no later commit is missed.
    pub(crate) fn forget(&self, topic: Topic) {
        let only = TopicSet::from_iter([topic]);
        self.0.changed.fetch_and(!only.bits(), Ordering::AcqRel);
    }

    /// Waits until another topic is changed. A topic that was not forgotten is not waited for: many commits wake the stream once.
    pub(crate) async fn wait(&self) {
        self.0.woken.notified().await;
    }
}

/// The topics that a commit changes.
fn changed_topics(changes: &[Change], applied: &AppliedChanges) -> TopicSet {
    let mut topics = TopicSet::default();
    for change in changes {
        match change {
            Change::Audit(_) => topics.insert(Topic::Audit),
            Change::Key(_) => topics.insert(Topic::State(StateTopic::Keys)),
            Change::VerifierKey(_) => topics.insert(Topic::State(StateTopic::Verifiers)),
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
    if !applied.derived_events.is_empty() {
        topics.insert(Topic::Audit);
    }
    if !applied.entries.is_empty() {
        topics.insert(Topic::State(StateTopic::Revocations));
    }
    topics
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use counterfoil_core::model::audit_event::{Actor, AuditEvent, AuditEventKind};
    use counterfoil_core::model::session::ClientInfo;
    use counterfoil_jose::Time;
    use counterfoil_verify::{RevocationEntry, RevocationPosition, RevocationSubject};

    use super::*;

    const REVOCATIONS: Topic = Topic::State(StateTopic::Revocations);

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

    /// A commit that records a login.
    fn log_in(changes: &CommittedChanges) {
        changes.on_commit(&[Change::record_event(event())], &AppliedChanges::default());
    }

    /// Whether the stream is woken. It waits again afterwards.
    fn is_woken(stream: &ChangedTopics) -> bool {
        stream.wait().now_or_never().is_some()
    }

    #[test]
    fn a_commit_wakes_only_the_streams_of_its_topics() {
        let changes = CommittedChanges::default();
        let (audit, revocations) = (changes.subscribe(&[Topic::Audit]), changes.subscribe(&[REVOCATIONS]));

        log_in(&changes);
        assert!(is_woken(&audit) && audit.get().contains(Topic::Audit));
        assert!(!is_woken(&revocations) && revocations.get().is_empty());

        let entry = RevocationEntry {
            position: RevocationPosition::new(1),
            subject: RevocationSubject::Everyone,
            until: None,
        };
        changes.on_commit(&[], &AppliedChanges { entries: vec![entry], ..AppliedChanges::default() });
        assert!(!is_woken(&audit));
        assert!(is_woken(&revocations) && revocations.get().contains(REVOCATIONS));
    }

    #[test]
    fn many_commits_wake_a_stream_once_until_it_reads() {
        let changes = CommittedChanges::default();
        let stream = changes.subscribe(&Topic::ALL);

        let wakes = |commits: usize| {
            (0..commits)
                .filter(|_| {
                    log_in(&changes);
                    is_woken(&stream)
                })
                .count()
        };
        assert_eq!(wakes(100), 1);
        stream.forget(Topic::Audit);
        assert!(stream.get().is_empty());
        assert_eq!(wakes(100), 1, "a commit after the read began is read later");
    }

    #[test]
    fn events_that_a_commit_derives_are_news_of_the_audit_log() {
        let changes = CommittedChanges::default();
        let stream = changes.subscribe(&[Topic::Audit]);

        let derived = AppliedChanges { derived_events: vec![event()], ..AppliedChanges::default() };
        changes.on_commit(&[], &derived);

        assert!(is_woken(&stream));
    }

    #[test]
    fn a_stream_that_is_gone_takes_no_memory_after_the_next_one_begins() {
        let changes = CommittedChanges::default();
        for _ in 0..100 {
            drop(changes.subscribe(&Topic::ALL));
        }
        assert_eq!(changes.0.lock().unwrap().len(), 1);
    }
}
