//! A hash for ids that are random already.

use std::hash::Hasher;

/// A session's id is random already; eight of its bytes are hash enough.
///
/// Only ids that the store knows are put in, so nobody can choose ids that collide.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut eight = [0; 8];
        for (to, from) in eight.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.0 = u64::from_le_bytes(eight);
    }

    // The length prefix that `[u8; 16]` hashes says nothing.
    fn write_usize(&mut self, _: usize) {}
}
