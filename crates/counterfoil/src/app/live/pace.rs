//! When each topic of a stream is due.

use std::time::Duration;

use crate::app::live::topic::{StateTopic, Topic, TopicSet};

/// The shortest time between two reads of a topic that has changed: at most four events a second.
const AFTER_CHANGE: Duration = Duration::from_millis(250);

/// When each topic of a stream was read. Times are since the begin of the stream.
#[derive(Debug)]
pub(crate) struct Pace(Vec<PacedTopic>);

#[derive(Debug)]
struct PacedTopic {
    topic: Topic,
    /// `None` before the first read.
    read_at: Option<Duration>,
}

impl Pace {
    /// Every topic is due at once.
    pub(crate) fn new(topics: &[Topic]) -> Self {
        Self(topics.iter().map(|topic| PacedTopic { topic: *topic, read_at: None }).collect())
    }

    /// The topics to read at `now`, of which these were changed since their last read. They count as read.
    pub(crate) fn take_due(&mut self, now: Duration, changed: TopicSet) -> Vec<Topic> {
        let due = self.0.iter_mut().filter(|paced| paced.due_at(changed) <= now);
        due.map(|paced| {
            paced.read_at = Some(now);
            paced.topic
        })
        .collect()
    }

    /// When the next topic is due, if these were changed.
    pub(crate) fn next(&self, changed: TopicSet) -> Duration {
        self.0.iter().map(|paced| paced.due_at(changed)).min().unwrap_or(Duration::MAX)
    }
}

impl PacedTopic {
    fn due_at(&self, changed: TopicSet) -> Duration {
        let Some(read_at) = self.read_at else { return Duration::ZERO };
        read_at + if changed.contains(self.topic) { AFTER_CHANGE } else { interval(self.topic) }
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
    use super::*;

    const STATS: Topic = Topic::State(StateTopic::Stats);
    const KEYS: Topic = Topic::State(StateTopic::Keys);
    const REVOCATIONS: Topic = Topic::State(StateTopic::Revocations);

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn every_topic_is_due_at_once_and_then_at_its_interval() {
        let (mut pace, none) = (Pace::new(&[STATS, KEYS]), TopicSet::default());

        assert_eq!(pace.take_due(at(0), none), [STATS, KEYS]);
        assert_eq!((pace.take_due(at(1_999), none), pace.next(none)), (vec![], at(2_000)));
        assert_eq!(pace.take_due(at(2_000), none), [STATS, KEYS]);
    }

    #[test]
    fn a_topic_that_changes_all_the_time_is_read_four_times_a_second() {
        let (mut pace, changed) = (Pace::new(&[REVOCATIONS, KEYS]), TopicSet::from_iter([REVOCATIONS]));
        pace.take_due(at(0), changed);

        let mut reads = 0;
        for now in 1..=1_000 {
            let due = pace.take_due(at(now), changed);
            assert!(due.is_empty() || due == [REVOCATIONS]);
            reads += due.len();
        }

        assert_eq!((reads, pace.next(changed)), (4, at(1_250)));
    }
}
