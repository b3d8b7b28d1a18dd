//! What one Argon2 hash costs, and the most that it may.

use argon2::Params;

/// What one hash costs: memory in KiB, passes, lanes.
///
/// The default is the OWASP one, 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Argon2Cost {
    /// The most that a kept hash may ask for: who can write a hash is not to stop the server with it.
    pub const CEILING: Self = Self { memory: 128 * 1024, passes: 16, lanes: 16 };

    pub(super) fn is_within_ceiling(&self) -> bool {
        self.memory <= Self::CEILING.memory
            && self.passes <= Self::CEILING.passes
            && self.lanes <= Self::CEILING.lanes
    }

    /// The parameters for a hash of so many bytes, if Argon2 knows such.
    pub(super) fn params(&self, length: usize) -> Option<Params> {
        Params::new(self.memory, self.passes, self.lanes, Some(length)).ok()
    }
}
