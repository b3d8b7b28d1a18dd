//! The working memory of Argon2.

use std::fmt;

use argon2::Block;

use crate::credentials::password::cost::Argon2Cost;

/// The smallest number of 1 KiB blocks to reserve. Memory that is reserved but not used is never touched.
///
/// glibc allocates blocks of more than 32 MiB with `mmap` and returns them to the system when they are freed.
/// For smaller blocks it raises that threshold after the first free, and a server that has hashed once would
/// keep the memory for its lifetime.
const MIN_RESERVED_BLOCKS: usize = 32 * 1024 + 1;

/// The working memory of one hash at a time. It is reused, so that a burst of logins needs no more memory
/// than there are workers. It keeps traces of the last password until [`Argon2Memory::wipe`] overwrites them.
#[derive(Default)]
pub struct Argon2Memory(Vec<Block>);

impl Argon2Memory {
    /// Overwrites the memory and releases it.
    pub fn wipe(&mut self) {
        for block in &mut self.0 {
            *block = Block::new();
        }
        self.0 = Vec::new();
    }

    /// Overwrites and releases what a hash with `cost` does not need: a hash from another system may have
    /// needed more.
    pub fn shrink_to(&mut self, cost: Argon2Cost) {
        let enough = cost.memory_kib as usize;
        if self.0.len() > enough {
            for block in &mut self.0[enough..] {
                *block = Block::new();
            }
            self.0.truncate(enough);
            self.0.shrink_to_fit();
        }
    }

    /// At least `count` blocks, allocated if needed.
    pub(super) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.reserve_exact(count.max(MIN_RESERVED_BLOCKS) - self.0.len());
            self.0.resize(count, Block::new());
        }
        &mut self.0[..count]
    }
}

impl fmt::Debug for Argon2Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argon2Memory({} KiB)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_releases_memory_above_the_cost() {
        let mut memory = Argon2Memory::default();
        memory.blocks(1024);

        memory.shrink_to(Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 });

        assert_eq!(memory.0.len(), 64);
        assert_eq!(memory.blocks(128).len(), 128);
    }
}
