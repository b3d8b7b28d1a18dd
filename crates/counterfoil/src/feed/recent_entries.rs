//! The newest entries of the revocation log, encoded once for all verifiers.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use counterfoil_jose::Time;
use counterfoil_verify::{FeedEntry, KeyId, RevocationEntry, RevocationPosition, RevocationSubject};

/// How many entries are kept: about 2 MB. A verifier that is further behind gets a snapshot.
pub(crate) const CAPACITY: usize = 1 << 14;

/// The entries after a position, in the order of their positions. It reads no clock.
#[derive(Debug, Default)]
pub(crate) struct RecentEntries {
    entries: VecDeque<EncodedEntry>,
    /// Every active entry after this position is here.
    complete_after: RevocationPosition,
}

/// An entry and its JSON.
#[derive(Debug, Clone)]
struct EncodedEntry {
    position: RevocationPosition,
    json: Box<str>,
    until: Option<Time>,
    revoked_key: Option<KeyId>,
    published_at: Duration,
}

/// Encoded entries, separated by commas.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncodedEntries {
    /// The JSON of the entries, without the brackets of the array.
    pub(crate) json: Bytes,
    /// How many there are.
    pub(crate) count: usize,
    /// The keys that they revoke. A response with such an entry names the key set without them.
    pub(crate) revoked_keys: Vec<KeyId>,
}

impl RecentEntries {
    /// Starts with the entries after `head`, which are still to come.
    pub(crate) fn start(&mut self, head: RevocationPosition) {
        self.complete_after = self.complete_after.max(head);
        self.entries.retain(|entry| entry.position > head);
    }

    /// Appends the entries of a commit that was published at the uptime `published_at`.
    pub(crate) fn push(&mut self, entries: &[RevocationEntry], published_at: Duration) {
        for entry in entries {
            let last = self.entries.back().map_or(self.complete_after, |last| last.position);
            // An entry that was read from the store before its commit was announced.
            if entry.position <= last {
                continue;
            }
            if self.entries.len() >= CAPACITY {
                self.remove_first();
            }
            self.entries.push_back(EncodedEntry::new(entry, published_at));
        }
    }

    /// Removes the oldest entries as far as every credential that they revoke has expired at `now`.
    pub(crate) fn prune(&mut self, now: Time) {
        while self.entries.front().is_some_and(|first| first.until.is_some_and(|until| until < now)) {
            self.remove_first();
        }
    }

    fn remove_first(&mut self) {
        if let Some(removed) = self.entries.pop_front() {
            self.complete_after = removed.position;
        }
    }

    /// Every active entry after this position is in memory.
    pub(crate) fn complete_after(&self) -> RevocationPosition {
        self.complete_after
    }

    /// The entries after `after`, up to `head`.
    pub(crate) fn between(&self, after: RevocationPosition, head: RevocationPosition) -> EncodedEntries {
        let first = self.entries.partition_point(|entry| entry.position <= after);
        let until = self.entries.partition_point(|entry| entry.position <= head).max(first);
        let entries = self.entries.range(first..until);
        let json = entries.clone().map(|entry| &*entry.json).collect::<Vec<_>>().join(",");
        let revoked_keys = entries.filter_map(|entry| entry.revoked_key.clone()).collect();
        EncodedEntries { json: json.into(), count: until - first, revoked_keys }
    }

    /// How many entries follow `after`, and when the first of them was published.
    pub(crate) fn lag_of(&self, after: RevocationPosition) -> (usize, Option<Duration>) {
        let first = self.entries.partition_point(|entry| entry.position <= after);
        (self.entries.len() - first, self.entries.get(first).map(|entry| entry.published_at))
    }
}

impl EncodedEntry {
    fn new(entry: &RevocationEntry, published_at: Duration) -> Self {
        Self {
            position: entry.position,
            json: encode(entry).into(),
            until: entry.until,
            revoked_key: revoked_key(entry),
            published_at,
        }
    }
}

impl EncodedEntries {
    /// Encodes a page that was read from the store.
    pub(crate) fn encode(entries: &[RevocationEntry]) -> Self {
        Self {
            json: entries.iter().map(encode).collect::<Vec<_>>().join(",").into(),
            count: entries.len(),
            revoked_keys: entries.iter().filter_map(revoked_key).collect(),
        }
    }
}

/// The JSON of one entry.
pub(crate) fn encode(entry: &RevocationEntry) -> String {
    serde_json::to_string(&FeedEntry::from(entry)).expect("numbers and texts always serialize")
}

fn revoked_key(entry: &RevocationEntry) -> Option<KeyId> {
    match &entry.subject {
        RevocationSubject::Key(key) => Some(key.clone()),
        RevocationSubject::Session(_)
        | RevocationSubject::User(_)
        | RevocationSubject::Token(_)
        | RevocationSubject::Client(_)
        | RevocationSubject::Everyone => None,
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_verify::SessionId;

    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn entry(position: u64) -> RevocationEntry {
        RevocationEntry {
            position: RevocationPosition::new(position),
            subject: RevocationSubject::Session(SessionId::from_bytes([1; 16])),
            until: Some(NOON + Duration::from_secs(position)),
        }
    }

    fn filled(positions: impl IntoIterator<Item = u64>) -> RecentEntries {
        let mut recent = RecentEntries::default();
        recent.start(RevocationPosition::new(10));
        for position in positions {
            recent.push(&[entry(position)], Duration::from_secs(position));
        }
        recent
    }

    fn positions(recent: &RecentEntries, after: u64, head: u64) -> Vec<u64> {
        let encoded = recent.between(RevocationPosition::new(after), RevocationPosition::new(head));
        let entries: Vec<FeedEntry> =
            serde_json::from_slice(&[b"[", &encoded.json[..], b"]"].concat()).unwrap();
        assert_eq!(entries.len(), encoded.count);
        entries.into_iter().map(|entry| entry.position.number()).collect()
    }

    #[test]
    fn the_entries_between_two_positions_are_given() {
        let recent = filled([11, 15, 20]);

        assert_eq!(positions(&recent, 10, 20), [11, 15, 20]);
        assert_eq!(positions(&recent, 11, 20), [15, 20]);
        assert_eq!(positions(&recent, 11, 19), [15]);
        assert!(positions(&recent, 20, 20).is_empty() && positions(&recent, 30, 20).is_empty());
    }

    #[test]
    fn an_entry_that_is_announced_twice_is_kept_once() {
        let mut recent = filled([11, 15]);
        recent.push(&[entry(9), entry(11), entry(15), entry(16)], Duration::ZERO);

        assert_eq!(positions(&recent, 10, 99), [11, 15, 16]);
    }

    #[test]
    fn beyond_the_capacity_the_oldest_are_removed_and_the_rest_is_complete() {
        let recent = filled(11..11 + CAPACITY as u64 + 3);

        assert_eq!(recent.complete_after(), RevocationPosition::new(13));
        assert_eq!(positions(&recent, 0, u64::MAX).len(), CAPACITY);
    }

    #[test]
    fn only_expired_entries_at_the_beginning_are_pruned() {
        let mut recent = filled([11, 15]);
        let mut key = entry(12);
        (key.position, key.until) = (RevocationPosition::new(16), None);
        recent.push(&[key, entry(17)], Duration::ZERO);

        recent.prune(NOON + Duration::from_secs(1_000));

        assert_eq!(recent.complete_after(), RevocationPosition::new(15));
        assert_eq!(positions(&recent, 0, 99), [16, 17]);
    }

    #[test]
    fn the_lag_is_the_number_of_missing_entries_and_the_age_of_the_first() {
        let recent = filled([11, 15, 20]);

        assert_eq!(recent.lag_of(RevocationPosition::new(11)), (2, Some(Duration::from_secs(15))));
        assert_eq!(recent.lag_of(RevocationPosition::new(20)), (0, None));
    }

    #[test]
    fn a_revoked_key_is_named_beside_its_entry() {
        let mut recent = filled([11]);
        let subject = RevocationSubject::Key("k1".parse().unwrap());
        let key = RevocationEntry { position: RevocationPosition::new(12), subject, until: None };
        recent.push(&[key], Duration::ZERO);

        let encoded = recent.between(RevocationPosition::new(11), RevocationPosition::new(12));

        assert_eq!(encoded.revoked_keys, ["k1".parse().unwrap()]);
        assert_eq!(&encoded.json[..], br#"{"position":12,"subject":"key:k1","until":null}"#);
    }
}
