//! The contents of a simulated file: what was synced, and the changes since then.

use crate::disk::unsynced::UnsyncedData;
use crate::rng::Rng;

/// The unit that a disk writes atomically, in bytes.
const SECTOR_SIZE: usize = 512;

/// A file with its synced contents and its unsynced changes.
#[derive(Debug, Default)]
pub(crate) struct SimulatedFile {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

impl SimulatedFile {
    /// Adds a change that is not synced yet.
    pub(crate) fn add_change(&mut self, change: Change) {
        self.unsynced.push(change);
    }

    /// A successful sync makes all earlier changes durable. A failed one loses them for good: Linux marks the
    /// pages clean and does not write them again.
    pub(crate) fn sync(&mut self, failed: bool) {
        let changes = std::mem::take(&mut self.unsynced);
        if !failed {
            changes.iter().for_each(|change| change.apply(&mut self.synced));
        }
    }

    /// The contents after a power loss.
    pub(crate) fn contents_after_power_loss(&self, unsynced: UnsyncedData, rng: &mut Rng) -> Vec<u8> {
        let mut contents = self.synced.clone();
        for change in &self.unsynced {
            match unsynced {
                UnsyncedData::Lost => {}
                UnsyncedData::Kept => change.apply(&mut contents),
                UnsyncedData::SomeWrites if rng.chance(50) => change.apply(&mut contents),
                UnsyncedData::SomeWrites => {}
                UnsyncedData::SomeSectors => change.apply_some_sectors(&mut contents, rng),
            }
        }
        contents
    }
}

/// A change of the contents.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Bytes written at an offset.
    Write { offset: u64, bytes: Vec<u8> },
    /// A new length.
    Truncate { length: u64 },
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Truncate { length } => contents.resize(to_usize(*length), 0),
            Self::Write { offset, bytes } => write_at(contents, to_usize(*offset), bytes),
        }
    }

    /// Applies random sectors of a write. A truncation is applied or not.
    fn apply_some_sectors(&self, contents: &mut Vec<u8>, rng: &mut Rng) {
        let Self::Write { offset, bytes } = self else {
            if rng.chance(50) {
                self.apply(contents);
            }
            return;
        };
        let mut offset = to_usize(*offset);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (sector, after) = rest.split_at((SECTOR_SIZE - offset % SECTOR_SIZE).min(rest.len()));
            if rng.chance(50) {
                write_at(contents, offset, sector);
            }
            (offset, rest) = (offset + sector.len(), after);
        }
    }
}

fn write_at(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if contents.len() < offset + bytes.len() {
        contents.resize(offset + bytes.len(), 0);
    }
    contents[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn to_usize(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated files fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_torn_only_at_sector_boundaries() {
        let mut contents = vec![0; 4 * SECTOR_SIZE];
        let write = Change::Write { offset: 0, bytes: vec![7; 4 * SECTOR_SIZE] };
        write.apply_some_sectors(&mut contents, &mut Rng::from_seed(3));

        assert!(contents.chunks(SECTOR_SIZE).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        assert!(contents.contains(&7) && contents.contains(&0));
    }
}
