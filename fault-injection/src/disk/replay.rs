//! Replays an I/O trace on a simulated disk, and writes the directory as a power loss could leave it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::disk::file::{Change, SimulatedFile};
use crate::disk::trace::{FileOperation, TracedCall};
use crate::disk::unsynced::UnsyncedData;
use crate::rng::Rng;

/// One directory on a simulated disk.
///
/// A sync of the directory makes names durable, a sync of a file makes its contents durable: POSIX guarantees
/// no more. Of the name changes since then a prefix survives, since file systems keep their journal in order.
#[derive(Debug, Default)]
pub struct SimulatedDisk {
    root: String,
    files: Vec<SimulatedFile>,
    synced_names: Names,
    /// The names as the program sees them.
    current_names: Names,
    /// The names after each change since the last sync of the directory.
    unsynced_names: Vec<Names>,
    descriptors: HashMap<i32, Descriptor>,
}

/// Path to index in [`SimulatedDisk::files`].
type Names = BTreeMap<String, usize>;

#[derive(Debug, Clone, Copy)]
enum Descriptor {
    File(usize),
    Root,
}

impl SimulatedDisk {
    /// An empty directory at `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_string_lossy().into_owned(), ..Self::default() }
    }

    /// Replays a call if it started by `time`; true if it also ended by then. An unfinished call may have had
    /// its effect, and must be replayed again for a later time.
    pub fn replay_until(&mut self, call: &TracedCall, time: Duration) -> bool {
        let is_finished = call.ended_at <= time;
        let is_sync = matches!(call.operation, FileOperation::Sync { .. });
        // An unfinished sync guarantees nothing. The effect of all other calls is the same if they are
        // replayed twice.
        if call.started_at <= time && (is_finished || !is_sync) {
            self.apply(&call.operation);
        }
        is_finished
    }

    /// Forgets all open descriptors, before the trace of another process is replayed.
    pub fn close_all_descriptors(&mut self) {
        self.descriptors.clear();
    }

    fn apply(&mut self, operation: &FileOperation) {
        match operation {
            FileOperation::Open { fd, path, truncated } => {
                let descriptor = self.open(path);
                self.descriptors.insert(*fd, descriptor);
                if *truncated {
                    self.change_file(*fd, Change::Truncate { length: 0 });
                }
            }
            FileOperation::Write { fd, offset, bytes } => {
                self.change_file(*fd, Change::Write { offset: *offset, bytes: bytes.clone() });
            }
            FileOperation::Truncate { fd, length } => {
                self.change_file(*fd, Change::Truncate { length: *length });
            }
            FileOperation::Sync { fd, failed } => self.sync(*fd, *failed),
            FileOperation::Close { fd } => {
                self.descriptors.remove(fd);
            }
            FileOperation::Rename { from, to } => {
                if let Some(file) = self.current_names.remove(from) {
                    self.add_name(to, file);
                }
            }
            FileOperation::Link { from, to } => {
                if let Some(file) = self.current_names.get(from).copied() {
                    self.add_name(to, file);
                }
            }
            FileOperation::Unlink { path } => {
                self.current_names.remove(path);
                self.unsynced_names.push(self.current_names.clone());
            }
        }
    }

    fn open(&mut self, path: &str) -> Descriptor {
        if path == self.root {
            return Descriptor::Root;
        }
        if let Some(file) = self.current_names.get(path) {
            return Descriptor::File(*file);
        }
        self.files.push(SimulatedFile::default());
        let file = self.files.len() - 1;
        self.add_name(path, file);
        Descriptor::File(file)
    }

    fn add_name(&mut self, path: &str, file: usize) {
        self.current_names.insert(path.to_owned(), file);
        self.unsynced_names.push(self.current_names.clone());
    }

    fn change_file(&mut self, fd: i32, change: Change) {
        if let Some(Descriptor::File(file)) = self.descriptors.get(&fd) {
            self.files[*file].add_change(change);
        }
    }

    fn sync(&mut self, fd: i32, failed: bool) {
        match self.descriptors.get(&fd) {
            Some(Descriptor::File(file)) => self.files[*file].sync(failed),
            Some(Descriptor::Root) if !failed => {
                self.synced_names = self.current_names.clone();
                self.unsynced_names.clear();
            }
            Some(Descriptor::Root) | None => {}
        }
    }

    /// Writes the directory as it is after a power loss to `target_dir`. SQLite's `-shm` files are left out:
    /// they are shared memory, not data.
    ///
    /// # Errors
    ///
    /// If `target_dir` cannot be written.
    pub fn write_image(&self, target_dir: &Path, unsynced: UnsyncedData, rng: &mut Rng) -> Result<()> {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(target_dir)?;
        let kept_changes = match unsynced {
            UnsyncedData::Lost => 0,
            UnsyncedData::Kept => self.unsynced_names.len(),
            UnsyncedData::SomeWrites | UnsyncedData::SomeSectors => rng.below(self.unsynced_names.len() + 1),
        };
        let names = kept_changes.checked_sub(1).map_or(&self.synced_names, |last| &self.unsynced_names[last]);
        for (path, file) in names.iter().filter(|(path, _)| !path.ends_with("-shm")) {
            let target = target_dir.join(Path::new(path).file_name().context("a file path has a name")?);
            fs::write(&target, self.files[*file].contents_after_power_loss(unsynced, rng))?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/data";

    /// The files after `operations` and a power loss.
    fn after_power_loss(operations: &[FileOperation], unsynced: UnsyncedData) -> BTreeMap<String, Vec<u8>> {
        let mut disk = SimulatedDisk::new(Path::new(ROOT));
        for operation in operations {
            disk.apply(operation);
        }
        let temp_dir = tempfile::tempdir().unwrap();
        disk.write_image(temp_dir.path(), unsynced, &mut Rng::from_seed(1)).unwrap();
        let files = fs::read_dir(temp_dir.path()).unwrap().map(|entry| entry.unwrap());
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    }

    /// A file "a" with a synced name, "one" synced, and "two" not synced.
    fn partly_synced_file() -> Vec<FileOperation> {
        vec![
            FileOperation::Open { fd: 3, path: ROOT.into(), truncated: false },
            FileOperation::Open { fd: 4, path: "/data/a".into(), truncated: false },
            FileOperation::Sync { fd: 3, failed: false },
            FileOperation::Write { fd: 4, offset: 0, bytes: b"one".to_vec() },
            FileOperation::Sync { fd: 4, failed: false },
            FileOperation::Write { fd: 4, offset: 3, bytes: b"two".to_vec() },
        ]
    }

    #[test]
    fn synced_data_survives_and_unsynced_data_may_be_lost() {
        assert_eq!(after_power_loss(&partly_synced_file(), UnsyncedData::Lost)["a"], b"one");
        assert_eq!(after_power_loss(&partly_synced_file(), UnsyncedData::Kept)["a"], b"onetwo");
    }

    #[test]
    fn a_name_is_durable_after_a_sync_of_its_directory() {
        let mut operations = partly_synced_file();
        operations.push(FileOperation::Rename { from: "/data/a".into(), to: "/data/b".into() });

        assert!(after_power_loss(&operations, UnsyncedData::Lost).contains_key("a"));
        operations.push(FileOperation::Sync { fd: 3, failed: false });
        assert!(after_power_loss(&operations, UnsyncedData::Lost).contains_key("b"));
    }

    #[test]
    fn data_of_a_failed_sync_is_lost_even_if_a_later_sync_succeeds() {
        let mut operations = partly_synced_file();
        operations.push(FileOperation::Sync { fd: 4, failed: true });
        operations.push(FileOperation::Write { fd: 4, offset: 6, bytes: b"three".to_vec() });
        operations.push(FileOperation::Sync { fd: 4, failed: false });

        assert_eq!(after_power_loss(&operations, UnsyncedData::Lost)["a"], b"one\0\0\0three");
    }
}
