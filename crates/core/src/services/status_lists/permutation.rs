//! A keyed permutation of the indexes of a status list, so that a reader learns neither an order nor a number of sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use counterfoil_jose::HmacKey;

use crate::model::status_index::{STATUS_LIST_SIZE, StatusIndex};

/// The number of Feistel rounds, as in FF1 (NIST SP 800-38G, section 5.1), whose smallest domain is a million values, too.
const ROUNDS: usize = 10;
/// Half of an index: 10 of 20 bits.
const HALF_BITS: u32 = 10;
const HALF_SIZE: usize = 1 << HALF_BITS;
const HALF_MASK: u64 = HALF_SIZE as u64 - 1;
/// How many values of a round function one MAC gives: 16 bits each.
const PER_MAC: usize = 16;
/// Of how many lists the round functions are in memory: 20 KiB each.
const MAX_CACHED: usize = 256;

const _: () = assert!(STATUS_LIST_SIZE == 1 << (2 * HALF_BITS));

/// A permutation of the places of each list: a balanced Feistel network (Luby and Rackoff, 1988) whose round functions are
/// HMAC-SHA256 of the list, the round and half of the place.
///
/// A list has exactly 2^20 places, so the network permutes them and no cycle walking is needed. Without the key the
/// published indexes of two logins that follow each other are unrelated.
pub struct StatusListPermutation {
    key: HmacKey,
    /// A round function has only 1,024 arguments, so each is computed once for a list.
    rounds: ArcSwap<BTreeMap<u64, Arc<RoundFunctions>>>,
}

type RoundFunctions = [[u16; HALF_SIZE]; ROUNDS];

impl StatusListPermutation {
    /// The permutation with this key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: HmacKey::new(key), rounds: ArcSwap::default() }
    }

    /// The index in its list under which the status of a session is published.
    pub fn published_index(&self, index: StatusIndex) -> u64 {
        let rounds = self.round_functions(index.list());
        let (mut left, mut right) = (index.place() >> HALF_BITS, index.place() & HALF_MASK);
        for round in rounds.iter() {
            // Both halves are below HALF_SIZE.
            let value = u64::from(round[usize::try_from(right).unwrap_or(0)]);
            (left, right) = (right, left ^ value);
        }
        left << HALF_BITS | right
    }

    fn round_functions(&self, list: u64) -> Arc<RoundFunctions> {
        if let Some(known) = self.rounds.load().get(&list) {
            return Arc::clone(known);
        }
        let computed = Arc::new(self.compute_rounds(list));
        self.rounds.rcu(|rounds| {
            let mut rounds =
                if rounds.len() < MAX_CACHED { BTreeMap::clone(rounds) } else { BTreeMap::new() };
            rounds.insert(list, Arc::clone(&computed));
            rounds
        });
        computed
    }

    fn compute_rounds(&self, list: u64) -> RoundFunctions {
        let mut functions = [[0; HALF_SIZE]; ROUNDS];
        for (round, function) in (0_u8..).zip(&mut functions) {
            for (block, values) in (0_u8..).zip(function.chunks_exact_mut(PER_MAC)) {
                let mac = self.key.mac(&[b"counterfoil status list 1", &list.to_be_bytes(), &[round, block]]);
                for (value, bytes) in values.iter_mut().zip(mac.chunks_exact(2)) {
                    *value = (u16::from(bytes[0]) << 8 | u16::from(bytes[1])) % (1 << HALF_BITS);
                }
            }
        }
        functions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(key: u8, index: u64) -> u64 {
        StatusListPermutation::new(&[key; 32]).published_index(StatusIndex::new(index))
    }

    #[test]
    fn every_place_of_a_list_is_published_once() {
        let permutation = StatusListPermutation::new(&[1; 32]);
        for list in [0, 3] {
            let mut seen = vec![false; STATUS_LIST_SIZE as usize];
            for place in 0..STATUS_LIST_SIZE {
                let index = permutation.published_index(StatusIndex::new(list * STATUS_LIST_SIZE + place));
                assert!(!std::mem::replace(&mut seen[index as usize], true), "{index} twice");
            }
        }
    }

    /// Of independent values half are above their predecessor, and about a hundredth is within 5,243 of it on each side.
    #[test]
    fn indexes_that_follow_each_other_are_unrelated() {
        let permutation = StatusListPermutation::new(&[2; 32]);
        let indexes: Vec<_> = (0..10_000).map(|n| permutation.published_index(StatusIndex::new(n))).collect();
        let rising = indexes.windows(2).filter(|pair| pair[0] < pair[1]).count();
        let near =
            indexes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < STATUS_LIST_SIZE / 200).count();
        assert!((4_700..5_300).contains(&rising), "{rising} rise");
        assert!(near < 200, "{near} are near");
    }

    #[test]
    fn another_key_and_another_list_have_another_order() {
        let equal = |other: &dyn Fn(u64) -> u64| (0..200).filter(|n| published(1, *n) == other(*n)).count();
        assert_eq!(equal(&|n| published(1, n)), 200);
        assert!(equal(&|n| published(2, n)) < 5);
        assert!(equal(&|n| published(1, n + STATUS_LIST_SIZE)) < 5);
    }

    /// Tokens in use name these indexes: with another permutation they would have the status of other sessions. The values are
    /// those of a second implementation, in Python.
    #[test]
    fn the_permutation_never_changes() {
        assert_eq!(
            [0, 1, 1_048_575, 1_048_576].map(|n| published(7, n)),
            [726_368, 372_954, 291_653, 684_270]
        );
    }
}
