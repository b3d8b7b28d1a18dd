//! The cost of an Argon2 hash and its limit.

use argon2::Params;

/// The cost of one Argon2 hash.
///
/// The default is the recommendation of OWASP: 19 MiB, two iterations, parallelism one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// The number of passes over the memory.
    pub iterations: u32,
    /// The number of lanes.
    pub parallelism: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

impl Argon2Cost {
    /// The highest cost that a stored hash may have, so that an attacker who can write a hash cannot stop the
    /// server with it.
    pub const CEILING: Self = Self { memory_kib: 128 * 1024, iterations: 16, parallelism: 16 };

    pub(super) fn is_within_ceiling(&self) -> bool {
        self.memory_kib <= Self::CEILING.memory_kib
            && self.iterations <= Self::CEILING.iterations
            && self.parallelism <= Self::CEILING.parallelism
    }

    /// The parameters for a hash of `length` bytes. `None` if Argon2 does not support them.
    pub(super) fn params(&self, length: usize) -> Option<Params> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, Some(length)).ok()
    }
}
