//! When each topic of a stream is due.

use std::time::Duration;

use crate::app::live::committed_changes::ChangeCounts;
use crate::app::live::topic::{StateTopic, Topic};

/// The shortest time between two reads of a topic that has changed: at most four events a second.
const AFTER_CHANGE: Duration = Duration::from_millis(250);

/// When each topic of a stream was read, and whether it has changed since. Times are since the begin of the stream.
#[derive(Debug)]
pub(crate) struct Pace(Vec<PacedTopic>);

#[derive(Debug)]
struct PacedTopic {
    topic: Topic,
    has_changed: bool,
    /// `None` before the first read.
    read_at: Option<Duration>,
}

impl Pace {
    /// Every topic is due at once.
    pub(crate) fn new(topics: &[Topic]) -> Self {
        let paced = |topic: &Topic| PacedTopic { topic: *topic, has_changed: false, read_at: None };
        Self(topics.iter().map(paced).collect())
    }

    /// Notes what has changed between the two counts.
    pub(crate) fn note_changes(&mut self, before: &ChangeCounts, now: &ChangeCounts) {
        for paced in &mut self.0 {
            paced.has_changed |= now.has_changed(paced.topic, before);
        }
    }

    /// The topics to read at `now`. They count as read.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<Topic> {
        let due = self.0.iter_mut().filter(|paced| paced.due_at() <= now);
        due.map(|paced| {
            (paced.has_changed, paced.read_at) = (false, Some(now));
            paced.topic
        })
        .collect()
    }

    /// When the next topic is due.
    pub(crate) fn next(&self) -> Duration {
        self.0.iter().map(PacedTopic::due_at).min().unwrap_or(Duration::MAX)
    }
}

impl PacedTopic {
    fn due_at(&self) -> Duration {
        let Some(read_at) = self.read_at else { return Duration::ZERO };
        read_at + if self.has_changed { AFTER_CHANGE } else { interval(self.topic) }
    }
}

/// How often a topic is read also if no commit of this process changes it: time passes, verifiers poll, and other nodes commit.
const fn interval(topic: Topic) -> Duration {
    match topic {
        Topic::State(StateTopic::Verifiers | StateTopic::Revocations) => Duration::from_secs(1),
        Topic::Audit | Topic::State(StateTopic::Health | StateTopic::Stats | StateTopic::Keys) => {
            Duration::from_secs(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_core::store::{AppliedChanges, Change, CommitListener as _};

    use crate::app::live::committed_changes::CommittedChanges;

    use super::*;

    const STATS: Topic = Topic::State(StateTopic::Stats);
    const KEYS: Topic = Topic::State(StateTopic::Keys);

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// The counts before and after a change of the topic of revocations.
    fn revocation() -> (ChangeCounts, ChangeCounts) {
        let (changes, entry) = (
            CommittedChanges::default(),
            counterfoil_verify::RevocationEntry {
                position: counterfoil_verify::RevocationPosition::new(1),
                subject: counterfoil_verify::RevocationSubject::Everyone,
                until: None,
            },
        );
        let counts = changes.subscribe();
        let before = *counts.borrow();
        let none: [Change; 0] = [];
        changes.on_commit(&none, &AppliedChanges { entries: vec![entry], ..AppliedChanges::default() });
        let after = *counts.borrow();
        (before, after)
    }

    #[test]
    fn every_topic_is_due_at_once_and_then_at_its_interval() {
        let mut pace = Pace::new(&[STATS, KEYS]);

        assert_eq!(pace.take_due(at(0)), [STATS, KEYS]);
        assert_eq!((pace.take_due(at(1_999)), pace.next()), (vec![], at(2_000)));
        assert_eq!(pace.take_due(at(2_000)), [STATS, KEYS]);
    }

    #[test]
    fn a_topic_that_changes_all_the_time_is_read_four_times_a_second() {
        let revocations = Topic::State(StateTopic::Revocations);
        let (mut pace, (before, after)) = (Pace::new(&[revocations, KEYS]), revocation());
        pace.take_due(at(0));

        let mut reads = 0;
        for now in 1..=1_000 {
            pace.note_changes(&before, &after);
            let due = pace.take_due(at(now));
            assert!(due.is_empty() || due == [revocations]);
            reads += due.len();
        }

        assert_eq!(reads, 4);
    }
}
