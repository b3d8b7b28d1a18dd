//! An immutable hash table of revoked subjects with a Bloom filter in front: the storage of `Revocations`.

use counterfoil_jose::Time;

use crate::revocation::log::RevocationPosition;
use crate::revocation::subject_hash::SubjectHash;

/// Three quarters full: 43 bytes for each entry of 32, and short probe sequences.
const LOAD_FACTOR: (usize, usize) = (3, 4);

/// Entries for each word of the filter: 16 bits an entry, four of them set, about 1 % false positives.
const ENTRIES_PER_FILTER_WORD: usize = 4;

/// All log entries of one subject, merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableEntry {
    /// The largest position.
    pub(crate) position: RevocationPosition,
    /// The latest expiry; `None` never expires.
    pub(crate) until: Option<Time>,
}

impl TableEntry {
    /// Merges two entries: the result revokes what either revokes, for as long as either is kept.
    pub(crate) fn merge(self, other: Self) -> Self {
        let until = match (self.until, other.until) {
            (Some(one), Some(two)) => Some(one.max(two)),
            (None, _) | (_, None) => None,
        };
        Self { position: self.position.max(other.position), until }
    }

    /// Whether the entry must be kept at `now`.
    pub(crate) fn is_retained(self, now: Time) -> bool {
        self.until.is_none_or(|until| until >= now)
    }
}

/// One slot: the hash in two halves, so that a slot takes 32 bytes and not 48.
#[derive(Debug, Clone, Copy)]
struct Slot {
    high: u64,
    low: u64,
    position: u64,
    /// In milliseconds; `u64::MAX` is never, and 0 marks a free slot.
    until: u64,
}

impl Slot {
    const FREE: Self = Self { high: 0, low: 0, position: 0, until: 0 };

    fn new(hash: SubjectHash, entry: TableEntry) -> Self {
        let until = entry.until.map_or(u64::MAX, Time::unix_ms).max(1);
        Self {
            high: (hash.bits() >> 64) as u64,
            low: hash.bits() as u64,
            position: entry.position.number(),
            until,
        }
    }

    const fn is_free(&self) -> bool {
        self.until == 0
    }

    fn matches(&self, hash: SubjectHash) -> bool {
        self.hash() == hash
    }

    fn hash(&self) -> SubjectHash {
        SubjectHash::from_bits(u128::from(self.high) << 64 | u128::from(self.low))
    }

    fn entry(&self) -> TableEntry {
        let until = (self.until != u64::MAX).then(|| Time::from_unix_ms(self.until));
        TableEntry { position: RevocationPosition::new(self.position), until }
    }
}

/// A hash table with open addressing. Every change builds a new table, so there are no tombstones and a
/// reader never sees a change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    slots: Box<[Slot]>,
    filter: Box<[u64]>,
    len: usize,
}

impl Table {
    /// The entry of the subject with this hash. For most subjects without an entry it reads one word of the
    /// filter.
    #[inline]
    pub(crate) fn find(&self, hash: SubjectHash) -> Option<TableEntry> {
        if self.len == 0 {
            return None;
        }
        let mask = filter_mask(hash);
        if self.filter[scale_to(hash.bits() as u64, self.filter.len())] & mask != mask {
            return None;
        }
        let slot = &self.slots[self.find_slot(hash)];
        (!slot.is_free()).then(|| slot.entry())
    }

    /// A new table with the entries of this one and of `added`, without those that have expired at `now`.
    pub(crate) fn merged_with(&self, added: &[(SubjectHash, TableEntry)], now: Time) -> Self {
        let retained =
            || self.iter().chain(added.iter().copied()).filter(|(_, entry)| entry.is_retained(now));
        let mut table = Self::with_capacity(retained().count());
        for (hash, entry) in retained() {
            table.insert(hash, entry);
        }
        table
    }

    /// The number of subjects.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All entries, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SubjectHash, TableEntry)> + '_ {
        self.slots.iter().filter(|slot| !slot.is_free()).map(|slot| (slot.hash(), slot.entry()))
    }

    /// The heap memory, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.filter)
    }

    fn with_capacity(entries: usize) -> Self {
        if entries == 0 {
            return Self::default();
        }
        // At least one slot stays free, so that every probe sequence ends.
        let slots = entries * LOAD_FACTOR.1 / LOAD_FACTOR.0 + 1;
        let words = entries.div_ceil(ENTRIES_PER_FILTER_WORD);
        Self { slots: vec![Slot::FREE; slots].into(), filter: vec![0; words].into(), len: 0 }
    }

    fn insert(&mut self, hash: SubjectHash, entry: TableEntry) {
        let index = self.find_slot(hash);
        let slot = &mut self.slots[index];
        if slot.is_free() {
            *slot = Slot::new(hash, entry);
            self.filter[scale_to(hash.bits() as u64, self.filter.len())] |= filter_mask(hash);
            self.len += 1;
        } else {
            *slot = Slot::new(hash, slot.entry().merge(entry));
        }
    }

    /// The slot of the hash, or the free slot for it.
    fn find_slot(&self, hash: SubjectHash) -> usize {
        let mut index = scale_to((hash.bits() >> 64) as u64, self.slots.len());
        while !self.slots[index].is_free() && !self.slots[index].matches(hash) {
            index = (index + 1) % self.slots.len();
        }
        index
    }
}

/// Maps a hash to `0..len` without a division.
fn scale_to(hash: u64, len: usize) -> usize {
    ((u128::from(hash) * len as u128) >> 64) as usize
}

/// The four bits of a hash in its word of the filter, from bits that choose no slot.
fn filter_mask(hash: SubjectHash) -> u64 {
    let bits = hash.bits() as u64;
    1 << (bits & 63) | 1 << (bits >> 6 & 63) | 1 << (bits >> 12 & 63) | 1 << (bits >> 18 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn hash(number: u64) -> SubjectHash {
        let spread = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        SubjectHash::from_bits(spread << 64 | u128::from(number.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    fn entry(position: u64) -> TableEntry {
        TableEntry { position: RevocationPosition::new(position), until: Some(NOON) }
    }

    #[test]
    fn a_table_finds_its_entries_and_nothing_else() {
        let added: Vec<_> = (0..10_000).map(|n| (hash(n), entry(n))).collect();
        let table = Table::default().merged_with(&added, NOON);

        assert_eq!(table.len(), 10_000);
        assert!((0..10_000).all(|n| table.find(hash(n)) == Some(entry(n))));
        assert!((10_000..50_000).all(|n| table.find(hash(n)).is_none()));
    }

    #[test]
    fn hashes_with_the_same_slot_are_distinguished() {
        let added: Vec<_> = (0..500).map(|n| (SubjectHash::from_bits(n), entry(n as u64))).collect();
        let table = Table::default().merged_with(&added, NOON);

        assert!((0..500).all(|n| table.find(SubjectHash::from_bits(n)) == Some(entry(n as u64))));
        assert!(table.find(SubjectHash::from_bits(500)).is_none());
    }

    #[test]
    fn an_entry_is_removed_only_when_it_expires() {
        let table = Table::default().merged_with(&[(hash(1), entry(1))], NOON);
        let forever = TableEntry { position: RevocationPosition::START, until: None };
        let table = table.merged_with(&[(hash(2), forever)], NOON);

        let later = table.merged_with(&[], Time::from_unix_ms(NOON.unix_ms() + 1));

        assert_eq!(table.len(), 2);
        assert_eq!(later.find(hash(1)), None);
        assert_eq!(later.find(hash(2)), Some(forever));
    }

    #[test]
    fn entries_of_one_subject_merge_to_the_latest_values() {
        let early = TableEntry { position: RevocationPosition::new(9), until: Some(NOON) };
        let late = TableEntry { position: RevocationPosition::new(3), until: None };
        let table = Table::default().merged_with(&[(hash(1), early), (hash(1), late)], NOON);

        assert_eq!(
            table.find(hash(1)),
            Some(TableEntry { position: RevocationPosition::new(9), until: None })
        );
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn an_entry_takes_less_than_64_bytes() {
        let added: Vec<_> = (0..4_000).map(|n| (hash(n), entry(n))).collect();
        let table = Table::default().merged_with(&added, NOON);

        assert!(table.memory_bytes() / table.len() < 64, "{} bytes", table.memory_bytes() / table.len());
    }
}
