//! What one Argon2 hash costs, and the most that it may.

use argon2::Params;

/// What one hash costs: memory in KiB, passes, lanes.
///
/// The default is the OWASP one, 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

impl Argon2Cost {
    /// The most that a kept hash may ask for: who can write a hash is not to stop the server with it.
    pub const CEILING: Self = Self { memory_kib: 128 * 1024, iterations: 16, parallelism: 16 };

    pub(super) fn is_within_ceiling(&self) -> bool {
        self.memory_kib <= Self::CEILING.memory_kib
            && self.iterations <= Self::CEILING.iterations
            && self.parallelism <= Self::CEILING.parallelism
    }

    /// The parameters for a hash of so many bytes, if Argon2 knows such.
    pub(super) fn params(&self, length: usize) -> Option<Params> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, Some(length)).ok()
    }
}
