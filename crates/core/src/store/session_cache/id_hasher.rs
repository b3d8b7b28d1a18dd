//! The hasher for session ids, which are random already.

use std::hash::Hasher;

/// Uses eight bytes of a session id as its hash.
///
/// Only ids of stored sessions are inserted, so an attacker cannot choose ids that collide.
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

    // The length prefix of `[u8; 16]` adds no information.
    fn write_usize(&mut self, _: usize) {}
}
