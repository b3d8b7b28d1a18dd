//! What live updates are about.

/// What a stream reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Each new audit event.
    Audit,
    /// A state, as it is now.
    State(StateTopic),
}

/// A state of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StateTopic {
    /// The readiness checks.
    Health,
    /// Counts of this process.
    Stats,
    /// The processes that follow the feed.
    Verifiers,
    /// The newest revocations, and those that are on their way.
    Revocations,
    /// The signing keys.
    Keys,
}

impl Topic {
    /// All topics.
    pub(crate) const ALL: [Self; 6] = [
        Self::State(StateTopic::Health),
        Self::State(StateTopic::Stats),
        Self::State(StateTopic::Verifiers),
        Self::State(StateTopic::Revocations),
        Self::State(StateTopic::Keys),
        Self::Audit,
    ];

    /// The name in `topics`, and the type of its events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::State(StateTopic::Health) => "health",
            Self::State(StateTopic::Stats) => "stats",
            Self::State(StateTopic::Verifiers) => "verifiers",
            Self::State(StateTopic::Revocations) => "revocations",
            Self::State(StateTopic::Keys) => "keys",
        }
    }

    /// The place in [`Topic::ALL`].
    const fn index(self) -> u8 {
        match self {
            Self::State(StateTopic::Health) => 0,
            Self::State(StateTopic::Stats) => 1,
            Self::State(StateTopic::Verifiers) => 2,
            Self::State(StateTopic::Revocations) => 3,
            Self::State(StateTopic::Keys) => 4,
            Self::Audit => 5,
        }
    }

    /// The topics in a list with commas, each once; without a list, all of them. `None` if one is unknown or none is there.
    pub(crate) fn parse_list(list: Option<&str>) -> Option<Vec<Self>> {
        let Some(list) = list else { return Some(Self::ALL.into()) };
        let mut topics = Vec::new();
        for name in list.split(',') {
            let topic = Self::ALL.into_iter().find(|topic| topic.as_str() == name.trim())?;
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        Some(topics)
    }

    /// What a list of topics must be, for an error.
    pub(crate) fn expected() -> String {
        let names = Self::ALL.map(Self::as_str).join(", ");
        format!("must be topics, separated by commas: {names}")
    }
}

/// A set of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TopicSet(u8);

impl TopicSet {
    /// Adds a topic.
    pub(crate) const fn insert(&mut self, topic: Topic) {
        self.0 |= 1 << topic.index();
    }

    /// Whether the topic is in it.
    pub(crate) const fn contains(self, topic: Topic) -> bool {
        self.0 & (1 << topic.index()) != 0
    }

    /// Whether no topic is in it.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One bit for each topic.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits.
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

impl FromIterator<Topic> for TopicSet {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        let mut set = Self::default();
        topics.into_iter().for_each(|topic| set.insert(topic));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_each_topic_apart() {
        for topic in Topic::ALL {
            let set = TopicSet::from_iter([topic]);
            let found: Vec<_> = Topic::ALL.into_iter().filter(|other| set.contains(*other)).collect();
            assert_eq!(found, [topic]);
        }
        assert!(TopicSet::default().is_empty() && !TopicSet::from_iter(Topic::ALL).is_empty());
    }

    #[test]
    fn a_list_has_known_topics_each_once() {
        let keys = Topic::State(StateTopic::Keys);

        assert_eq!(Topic::parse_list(Some("audit, keys,audit")), Some(vec![Topic::Audit, keys]));
        assert_eq!(Topic::parse_list(None), Some(Topic::ALL.to_vec()));
        for unknown in ["", "audit,", "Audit", "sessions"] {
            assert_eq!(Topic::parse_list(Some(unknown)), None, "{unknown}");
        }
    }
}
