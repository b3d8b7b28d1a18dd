//! A disk as a loss of power leaves it: what was synced, and of the rest what chance has brought there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::dice::Dice;
use crate::disk::record::{Change, What};

/// What a disk writes as one.
const SECTOR: usize = 512;

/// How much of what was not synced has reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// All of it.
    All,
    /// Some of the writes, each of them whole.
    SomeWrites,
    /// Some of the sectors of each write.
    SomeSectors,
}

impl Left {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::All, Self::SomeWrites, Self::SomeSectors];
}

/// What one directory holds, as far as the disk has been told.
///
/// Names are durable when the directory was synced, and what a file holds when the file was: POSIX promises no more.
/// Of names that were not, those up to some point are there, since file systems keep their journal in order.
#[derive(Debug, Default)]
pub struct Disk {
    root: String,
    files: Vec<File>,
    durable: Names,
    /// The names as the program sees them.
    seen: Names,
    /// What the names were after each change that is not durable yet.
    pending: Vec<Names>,
    open: HashMap<i32, Thing>,
}

type Names = BTreeMap<String, usize>;

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Debug, Clone)]
enum Pending {
    Write(u64, Vec<u8>),
    Cut(u64),
}

#[derive(Debug, Clone, Copy)]
enum Thing {
    File(usize),
    Root,
}

impl Disk {
    /// An empty directory at `root`.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_string_lossy().into_owned(), ..Self::default() }
    }

    /// Takes up a change that was finished by `point`, and says so. Of one that was not, what may have been done of it;
    /// it is to be shown again.
    pub fn take(&mut self, change: &Change, point: Duration) -> bool {
        let is_finished = change.ended <= point;
        // A sync that has not returned promises nothing. Everything else may be done twice.
        if change.begun <= point && (is_finished || !matches!(change.what, What::Sync { .. })) {
            self.apply(&change.what);
        }
        is_finished
    }

    /// Another process begins: its descriptors are others.
    pub fn forget_descriptors(&mut self) {
        self.open.clear();
    }

    fn apply(&mut self, what: &What) {
        match what {
            What::Open { fd, path, cut } => {
                let thing = self.open(path);
                if let (Thing::File(file), true) = (thing, *cut) {
                    self.files[file].pending.push(Pending::Cut(0));
                }
                self.open.insert(*fd, thing);
            }
            What::Write { fd, at, bytes } => self.on_file(*fd, Pending::Write(*at, bytes.clone())),
            What::Cut { fd, length } => self.on_file(*fd, Pending::Cut(*length)),
            What::Sync { fd, failed } => self.sync(*fd, *failed),
            What::Close { fd } => drop(self.open.remove(fd)),
            What::Rename { from, to } => {
                if let Some(file) = self.seen.remove(from) {
                    self.seen.insert(to.clone(), file);
                    self.pending.push(self.seen.clone());
                }
            }
            What::Link { from, to } => {
                if let Some(file) = self.seen.get(from).copied() {
                    self.seen.insert(to.clone(), file);
                    self.pending.push(self.seen.clone());
                }
            }
            What::Unlink { path } => {
                self.seen.remove(path);
                self.pending.push(self.seen.clone());
            }
        }
    }

    fn open(&mut self, path: &str) -> Thing {
        if path == self.root {
            return Thing::Root;
        }
        if let Some(file) = self.seen.get(path) {
            return Thing::File(*file);
        }
        self.files.push(File::default());
        let file = self.files.len() - 1;
        self.seen.insert(path.to_owned(), file);
        self.pending.push(self.seen.clone());
        Thing::File(file)
    }

    fn on_file(&mut self, fd: i32, pending: Pending) {
        if let Some(Thing::File(file)) = self.open.get(&fd) {
            self.files[*file].pending.push(pending);
        }
    }

    /// What was written before a sync is there for good; if it failed it is gone for good, as the kernel has marked it
    /// as written and will not try again.
    fn sync(&mut self, fd: i32, failed: bool) {
        match self.open.get(&fd) {
            Some(Thing::File(file)) => {
                let file = &mut self.files[*file];
                let pending = std::mem::take(&mut file.pending);
                if !failed {
                    pending.iter().for_each(|pending| pending.apply(&mut file.durable));
                }
            }
            Some(Thing::Root) if !failed => {
                self.durable = self.seen.clone();
                self.pending.clear();
            }
            Some(Thing::Root) | None => {}
        }
    }

    /// Puts into `to` what is left when the power goes now. The index of a log is no file but shared memory, and is
    /// left out.
    ///
    /// # Errors
    ///
    /// If `to` cannot be written.
    pub fn write(&self, to: &Path, left: Left, dice: &mut Dice) -> Result<()> {
        fs::DirBuilder::new().mode(0o700).recursive(true).create(to)?;
        let kept = match left {
            Left::Nothing => 0,
            Left::All => self.pending.len(),
            Left::SomeWrites | Left::SomeSectors => dice.below(self.pending.len() + 1),
        };
        let names = kept.checked_sub(1).map_or(&self.durable, |last| &self.pending[last]);
        for (path, file) in names.iter().filter(|(path, _)| !path.ends_with("-shm")) {
            let name = Path::new(path).file_name().context("a file has a name")?;
            let file_at = to.join(name);
            fs::write(&file_at, self.files[*file].left(left, dice))?;
            fs::set_permissions(&file_at, fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

impl File {
    fn left(&self, left: Left, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for pending in &self.pending {
            match left {
                Left::Nothing => {}
                Left::All => pending.apply(&mut bytes),
                Left::SomeWrites if dice.percent(50) => pending.apply(&mut bytes),
                Left::SomeWrites => {}
                Left::SomeSectors => pending.apply_in_part(&mut bytes, dice),
            }
        }
        bytes
    }
}

impl Pending {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Cut(length) => to.resize(place(*length), 0),
            Self::Write(at, bytes) => put(to, place(*at), bytes),
        }
    }

    fn apply_in_part(&self, to: &mut Vec<u8>, dice: &mut Dice) {
        let Self::Write(at, bytes) = self else {
            return if dice.percent(50) {
                self.apply(to)
            };
        };
        let mut at = place(*at);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (sector, after) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
            if dice.percent(50) {
                put(to, at, sector);
            }
            (at, rest) = (at + sector.len(), after);
        }
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if to.len() < at + bytes.len() {
        to.resize(at + bytes.len(), 0);
    }
    to[at..at + bytes.len()].copy_from_slice(bytes);
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("files of a trial fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/data";

    fn after(changes: &[What], left: Left) -> BTreeMap<String, Vec<u8>> {
        let mut disk = Disk::at(Path::new(ROOT));
        for what in changes {
            disk.apply(what);
        }
        let place = tempfile::tempdir().unwrap();
        disk.write(place.path(), left, &mut Dice::seeded(1)).unwrap();
        let files = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap());
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    }

    fn made() -> Vec<What> {
        vec![
            What::Open { fd: 3, path: ROOT.into(), cut: false },
            What::Open { fd: 4, path: "/data/a".into(), cut: false },
            What::Sync { fd: 3, failed: false },
            What::Write { fd: 4, at: 0, bytes: b"one".to_vec() },
            What::Sync { fd: 4, failed: false },
            What::Write { fd: 4, at: 3, bytes: b"two".to_vec() },
        ]
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_is_up_to_chance() {
        assert_eq!(after(&made(), Left::Nothing)["a"], b"one");
        assert_eq!(after(&made(), Left::All)["a"], b"onetwo");
    }

    #[test]
    fn a_name_is_durable_with_its_directory() {
        let mut changes = made();
        changes.push(What::Rename { from: "/data/a".into(), to: "/data/b".into() });

        assert!(after(&changes, Left::Nothing).contains_key("a"));
        changes.push(What::Sync { fd: 3, failed: false });
        assert!(after(&changes, Left::Nothing).contains_key("b"));
    }

    #[test]
    fn what_a_failed_sync_was_to_bring_is_gone_whatever_is_synced_later() {
        let mut changes = made();
        changes.push(What::Sync { fd: 4, failed: true });
        changes.push(What::Write { fd: 4, at: 6, bytes: b"three".to_vec() });
        changes.push(What::Sync { fd: 4, failed: false });

        assert_eq!(after(&changes, Left::Nothing)["a"], b"one\0\0\0three");
    }

    #[test]
    fn a_write_is_torn_between_sectors_only() {
        let mut torn = vec![0; 4 * SECTOR];
        let write = Pending::Write(0, vec![7; 4 * SECTOR]);
        write.apply_in_part(&mut torn, &mut Dice::seeded(3));

        assert!(torn.chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        assert!(torn.contains(&7) && torn.contains(&0));
    }
}
