//! The memory that hashes are made in.

use std::fmt;

use argon2::Block;

use crate::credentials::password::cost::Argon2Cost;

/// How many blocks of a kibibyte are reserved at least, though only those that are used are ever touched.
///
/// What is larger than 32 MiB glibc maps by itself, and gives back to the system when it is dropped. Of less it
/// learns from the first that is dropped to keep the next ones, and a server that hashed once would hold the
/// memory for ever.
const MIN_RESERVED_BLOCKS: usize = 32 * 1024 + 1;

/// The memory that one hash at a time works in: taken once and used again, so that a storm of logins costs
/// no more of it than there are workers. It still holds traces of the last password when it is dropped, and
/// [`Argon2Memory::wipe`] overwrites them.
#[derive(Default)]
pub struct Argon2Memory(Vec<Block>);

impl Argon2Memory {
    /// Overwrites and gives back the memory.
    pub fn wipe(&mut self) {
        for block in &mut self.0 {
            *block = Block::new();
        }
        self.0 = Vec::new();
    }

    /// Overwrites and gives back what a hash under `cost` does not need: an imported one may have needed more.
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

    /// Memory for so many blocks, taken if it was not there.
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
    fn a_workspace_gives_back_what_an_import_needed() {
        let mut memory = Argon2Memory::default();
        memory.blocks(1024);

        memory.shrink_to(Argon2Cost { memory_kib: 64, iterations: 1, parallelism: 1 });

        assert_eq!(memory.0.len(), 64);
        assert_eq!(memory.blocks(128).len(), 128);
    }
}
