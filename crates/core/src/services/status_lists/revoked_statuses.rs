//! The revoked entries of all status lists, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use counterfoil_jose::Time;
use counterfoil_jose::status_list::{StatusBits, StatusList};

use crate::model::status_index::STATUS_LIST_SIZE;

/// Revocations are forgotten together with all others of this time.
pub(super) const BUCKET_WIDTH: Duration = Duration::from_secs(15 * 60);

const LIST_SIZE: usize = STATUS_LIST_SIZE as usize;
const BYTES: usize = LIST_SIZE / 8;
/// More indexes of 4 bytes take more memory than a bit for every index.
const MAX_INDEXES: usize = BYTES / 4;

/// Which entries of which list are revoked, and until when.
///
/// A revocation takes 4 bytes, and all those of a list that are forgotten at the same time take at most 128 KiB.
#[derive(Debug, Default)]
pub struct RevokedStatuses {
    /// By the end of their time, in widths of a bucket, and their list.
    buckets: BTreeMap<(u64, u64), Marks>,
}

#[derive(Debug)]
enum Marks {
    Indexes(Vec<u32>),
    Bitmap(Box<[u8]>),
}

impl RevokedStatuses {
    /// Revokes an entry of a list until the bucket of `until` is over.
    ///
    /// An index that no list has is ignored.
    pub fn revoke(&mut self, list: u64, index: u64, until: Time) {
        let Some(index) = u32::try_from(index).ok().filter(|index| u64::from(*index) < STATUS_LIST_SIZE)
        else {
            return;
        };
        let end = until.unix_ms() / width_ms() + 1;
        self.buckets.entry((end, list)).or_insert_with(|| Marks::Indexes(Vec::new())).add(index);
    }

    /// Forgets what is over at `now`; returns the lists that change.
    pub fn prune(&mut self, now: Time) -> Vec<u64> {
        let current = now.unix_ms() / width_ms();
        let kept = self.buckets.split_off(&(current + 1, 0));
        std::mem::replace(&mut self.buckets, kept).into_keys().map(|(_, list)| list).collect()
    }

    /// The list with one bit for each entry: 1 if it is revoked.
    pub fn list(&self, list: u64) -> StatusList {
        let mut bytes = vec![0; BYTES];
        for marks in self.buckets.iter().filter(|((_, of), _)| *of == list).map(|(_, marks)| marks) {
            marks.add_to(&mut bytes);
        }
        StatusList::from_bytes(StatusBits::One, bytes)
    }
}

fn width_ms() -> u64 {
    u64::try_from(BUCKET_WIDTH.as_millis()).unwrap_or(u64::MAX)
}

impl Marks {
    fn add(&mut self, index: u32) {
        match self {
            Self::Indexes(indexes) if indexes.len() < MAX_INDEXES => indexes.push(index),
            Self::Indexes(_) => {
                let mut bitmap = vec![0; BYTES].into_boxed_slice();
                self.add_to(&mut bitmap);
                set(&mut bitmap, index);
                *self = Self::Bitmap(bitmap);
            }
            Self::Bitmap(bitmap) => set(bitmap, index),
        }
    }

    fn add_to(&self, bytes: &mut [u8]) {
        match self {
            Self::Indexes(indexes) => indexes.iter().for_each(|index| set(bytes, *index)),
            Self::Bitmap(bitmap) => {
                bytes.iter_mut().zip(bitmap.iter()).for_each(|(byte, marks)| *byte |= marks);
            }
        }
    }
}

/// Sets the bit of an index, which is in the list; the least significant bit is the first.
fn set(bytes: &mut [u8], index: u32) {
    if let Some(byte) = bytes.get_mut((index / 8) as usize) {
        *byte |= 1 << (index % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time::from_unix_seconds(1_764_000_000);

    fn revoked(statuses: &RevokedStatuses, list: u64) -> Vec<usize> {
        let list = statuses.list(list);
        (0..list.size()).filter(|index| list.get(*index) == Some(1)).collect()
    }

    #[test]
    fn a_revocation_is_shown_in_its_list_alone() {
        let mut statuses = RevokedStatuses::default();
        statuses.revoke(0, 0, NOON);
        statuses.revoke(0, 1_048_575, NOON);
        statuses.revoke(1, 9, NOON);
        statuses.revoke(1, STATUS_LIST_SIZE, NOON);

        assert_eq!(revoked(&statuses, 0), [0, 1_048_575]);
        assert_eq!(revoked(&statuses, 1), [9]);
        assert!(revoked(&statuses, 2).is_empty());
        assert_eq!(statuses.list(2).size(), 1 << 20);
    }

    #[test]
    fn a_revocation_is_forgotten_after_its_time_and_within_a_bucket() {
        let until = NOON + Duration::from_secs(1_000);
        let mut statuses = RevokedStatuses::default();
        statuses.revoke(0, 5, until);
        statuses.revoke(2, 6, until + 3 * BUCKET_WIDTH);

        assert!(statuses.prune(until).is_empty());
        assert_eq!(revoked(&statuses, 0), [5]);
        assert_eq!(statuses.prune(until + BUCKET_WIDTH), [0]);
        assert!(revoked(&statuses, 0).is_empty());
        assert_eq!(revoked(&statuses, 2), [6]);
    }

    /// The later of two revocations counts.
    #[test]
    fn an_entry_that_is_revoked_twice_stays_until_the_end_of_both() {
        let mut statuses = RevokedStatuses::default();
        statuses.revoke(0, 5, NOON);
        statuses.revoke(0, 5, NOON + 2 * BUCKET_WIDTH);

        assert_eq!(statuses.prune(NOON + BUCKET_WIDTH), [0]);

        assert_eq!(revoked(&statuses, 0), [5]);
    }

    #[test]
    fn many_revocations_take_bounded_memory_and_none_is_lost() {
        let mut statuses = RevokedStatuses::default();
        for index in (0..STATUS_LIST_SIZE).step_by(3) {
            statuses.revoke(0, index, NOON);
            statuses.revoke(0, index, NOON);
        }
        assert!(matches!(statuses.buckets.values().next(), Some(Marks::Bitmap(_))));
        assert_eq!(revoked(&statuses, 0), (0..LIST_SIZE).step_by(3).collect::<Vec<_>>());
    }
}
