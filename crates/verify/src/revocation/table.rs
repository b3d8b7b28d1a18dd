//! A flat, immutable table of fingerprints with a filter before it: the inside of `Revocations`.

use counterfoil_jose::Time;

use crate::revocation::log::Position;
use crate::revocation::subject_hash::Fingerprint;

/// Three quarters full: 43 bytes for each entry of 32, and short walks.
const FULL: (usize, usize) = (3, 4);

/// Entries for each word of the filter: 16 bits an entry, four of them set, about 1 % told wrongly.
const ENTRIES_A_WORD: usize = 4;

/// What is kept of one subject: the merged positions and terms of all its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The largest position.
    pub(crate) position: Position,
    /// The largest term; `None` is never forgotten.
    pub(crate) until: Option<Time>,
}

impl Ended {
    /// Both entries in one: it kills what either kills, for as long as either is kept.
    pub(crate) fn merged(self, other: Self) -> Self {
        let until = match (self.until, other.until) {
            (Some(one), Some(two)) => Some(one.max(two)),
            (None, _) | (_, None) => None,
        };
        Self { position: self.position.max(other.position), until }
    }

    /// Whether it has to be kept at `now`.
    pub(crate) fn is_kept(self, now: Time) -> bool {
        self.until.is_none_or(|until| until >= now)
    }
}

/// One slot: a fingerprint in two halves, so that a slot is 32 bytes and not 48.
#[derive(Debug, Clone, Copy)]
struct Slot {
    high: u64,
    low: u64,
    position: u64,
    /// In milliseconds; `u64::MAX` is never. A free slot has `until` 0, which no entry is kept with.
    until: u64,
}

impl Slot {
    const FREE: Self = Self { high: 0, low: 0, position: 0, until: 0 };

    fn new(print: Fingerprint, ended: Ended) -> Self {
        let until = ended.until.map_or(u64::MAX, Time::unix_ms).max(1);
        Self {
            high: (print.bits() >> 64) as u64,
            low: print.bits() as u64,
            position: ended.position.number(),
            until,
        }
    }

    const fn is_free(&self) -> bool {
        self.until == 0
    }

    fn holds(&self, print: Fingerprint) -> bool {
        self.print() == print
    }

    fn print(&self) -> Fingerprint {
        Fingerprint::from_bits(u128::from(self.high) << 64 | u128::from(self.low))
    }

    fn ended(&self) -> Ended {
        let until = (self.until != u64::MAX).then(|| Time::from_unix_ms(self.until));
        Ended { position: Position::new(self.position), until }
    }
}

/// Fingerprints with what is kept of each: open addressing, rebuilt for every change, so that it
/// never holds a grave and a reader never sees it move.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    slots: Box<[Slot]>,
    filter: Box<[u64]>,
    len: usize,
}

impl Table {
    /// What is kept of the subject with this fingerprint. A stranger costs one word of the filter.
    #[inline]
    pub(crate) fn find(&self, print: Fingerprint) -> Option<Ended> {
        if self.len == 0 {
            return None;
        }
        let mask = filter_mask(print);
        if self.filter[scaled(print.bits() as u64, self.filter.len())] & mask != mask {
            return None;
        }
        let slot = &self.slots[self.place(print)];
        (!slot.is_free()).then(|| slot.ended())
    }

    /// This table and `added`, merged, without what is not kept at `now`.
    pub(crate) fn with(&self, added: &[(Fingerprint, Ended)], now: Time) -> Self {
        let kept = || self.iter().chain(added.iter().copied()).filter(|(_, ended)| ended.is_kept(now));
        let mut table = Self::with_room(kept().count());
        for (print, ended) in kept() {
            table.insert(print, ended);
        }
        table
    }

    /// How many subjects.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Fingerprint, Ended)> + '_ {
        self.slots.iter().filter(|slot| !slot.is_free()).map(|slot| (slot.print(), slot.ended()))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.filter)
    }

    fn with_room(entries: usize) -> Self {
        if entries == 0 {
            return Self::default();
        }
        // At least one slot stays free: a walk always ends.
        let slots = entries * FULL.1 / FULL.0 + 1;
        let words = entries.div_ceil(ENTRIES_A_WORD);
        Self { slots: vec![Slot::FREE; slots].into(), filter: vec![0; words].into(), len: 0 }
    }

    fn insert(&mut self, print: Fingerprint, ended: Ended) {
        let place = self.place(print);
        let slot = &mut self.slots[place];
        if slot.is_free() {
            *slot = Slot::new(print, ended);
            self.filter[scaled(print.bits() as u64, self.filter.len())] |= filter_mask(print);
            self.len += 1;
        } else {
            *slot = Slot::new(print, slot.ended().merged(ended));
        }
    }

    /// Where the fingerprint stands, or the free slot where it would.
    fn place(&self, print: Fingerprint) -> usize {
        let mut place = scaled((print.bits() >> 64) as u64, self.slots.len());
        while !self.slots[place].is_free() && !self.slots[place].holds(print) {
            place = (place + 1) % self.slots.len();
        }
        place
    }
}

/// A hash brought to `0..len`, without a division.
fn scaled(hash: u64, len: usize) -> usize {
    ((u128::from(hash) * len as u128) >> 64) as usize
}

/// The four bits of a fingerprint in its word of the filter, from bits that choose no place.
fn filter_mask(print: Fingerprint) -> u64 {
    let bits = print.bits() as u64;
    1 << (bits & 63) | 1 << (bits >> 6 & 63) | 1 << (bits >> 12 & 63) | 1 << (bits >> 18 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn print(number: u64) -> Fingerprint {
        let spread = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Fingerprint::from_bits(spread << 64 | u128::from(number.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    fn ended(position: u64) -> Ended {
        Ended { position: Position::new(position), until: Some(NOON) }
    }

    #[test]
    fn a_table_finds_each_of_its_entries_and_no_stranger() {
        let added: Vec<_> = (0..10_000).map(|n| (print(n), ended(n))).collect();
        let table = Table::default().with(&added, NOON);

        assert_eq!(table.len(), 10_000);
        assert!((0..10_000).all(|n| table.find(print(n)) == Some(ended(n))));
        assert!((10_000..50_000).all(|n| table.find(print(n)).is_none()));
    }

    #[test]
    fn fingerprints_that_fall_into_one_place_are_told_apart() {
        let added: Vec<_> = (0..500).map(|n| (Fingerprint::from_bits(n), ended(n as u64))).collect();
        let table = Table::default().with(&added, NOON);

        assert!((0..500).all(|n| table.find(Fingerprint::from_bits(n)) == Some(ended(n as u64))));
        assert!(table.find(Fingerprint::from_bits(500)).is_none());
    }

    #[test]
    fn an_entry_leaves_only_by_its_own_term() {
        let table = Table::default().with(&[(print(1), ended(1))], NOON);
        let forever = Ended { position: Position::START, until: None };
        let table = table.with(&[(print(2), forever)], NOON);

        let later = table.with(&[], Time::from_unix_ms(NOON.unix_ms() + 1));

        assert_eq!(table.len(), 2);
        assert_eq!(later.find(print(1)), None);
        assert_eq!(later.find(print(2)), Some(forever));
    }

    #[test]
    fn entries_of_one_subject_merge_to_the_largest_of_each() {
        let early = Ended { position: Position::new(9), until: Some(NOON) };
        let late = Ended { position: Position::new(3), until: None };
        let table = Table::default().with(&[(print(1), early), (print(1), late)], NOON);

        assert_eq!(table.find(print(1)), Some(Ended { position: Position::new(9), until: None }));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn an_entry_costs_less_than_64_bytes() {
        let added: Vec<_> = (0..4_000).map(|n| (print(n), ended(n))).collect();
        let table = Table::default().with(&added, NOON);

        assert!(table.bytes() / table.len() < 64, "{} bytes", table.bytes() / table.len());
    }
}
