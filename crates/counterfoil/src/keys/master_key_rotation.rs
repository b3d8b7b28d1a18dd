//! One master key in the place of another: the files, before and after the keys in the store are sealed anew.
//!
//! The new key lies beside the old one (`master-key.next`), synced, before anything is sealed under it, and takes its
//! place (`master-key`) after that is durable. Whatever happens in between, one of the two opens the store, and the
//! next start finds out which. The old key stays (`master-key.old-…`): backups that were made before need it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use counterfoil_jose::{SealingKey, Secret, Time};

use crate::fs::new_file::directory_of;
use crate::keys::master_key::{MasterKeyError, read, seal_with, with_suffix, write_beside};

/// A key that waits beside its place.
#[derive(Debug)]
pub(crate) struct Replacement {
    place: PathBuf,
    waiting: PathBuf,
    key: SealingKey,
}

impl Replacement {
    /// Puts `key` beside `place`, durably.
    pub(crate) fn begin(place: &Path, key: &Secret<[u8; 32]>) -> Result<Self, MasterKeyError> {
        let waiting = waiting_for(place);
        // Whoever reads the present one reads the next one, also where that is not in a directory of theirs.
        let put = write_beside(&waiting, key, place).and_then(|beside| {
            // A former one that was refused may lie there; the caller has seen that the store is opened by none of it.
            fs::rename(&beside, &waiting)?;
            sync(&waiting)
        });
        put.map_err(|source| not_written(&waiting, source))?;
        Ok(Self { place: place.to_owned(), waiting, key: seal_with(key) })
    }

    /// The one that was begun for `place`, if its end was cut off.
    pub(crate) fn begun(place: &Path) -> Result<Option<Self>, MasterKeyError> {
        let waiting = waiting_for(place);
        let found = read(&waiting)?;
        Ok(found.map(|key| Self { place: place.to_owned(), waiting, key: seal_with(&key) }))
    }

    /// The key that waits.
    pub(crate) fn key(&self) -> &SealingKey {
        &self.key
    }

    /// The keys in the store are sealed under it: it takes its place. Returns where the old one is from now on.
    pub(crate) fn finish(self, now: Time) -> Result<PathBuf, MasterKeyError> {
        let kept = keep_old(&self.place, now);
        let moved = kept.and_then(|old| fs::rename(&self.waiting, &self.place).map(|()| old));
        let moved = moved.and_then(|old| sync(&self.place).map(|()| old));
        moved.map_err(|source| not_written(&self.place, source))
    }

    /// Nothing is sealed under it: it goes.
    pub(crate) fn give_up(self) {
        if let Err(error) = fs::remove_file(&self.waiting) {
            tracing::warn!(%error, file = %self.waiting.display(), "a master key that seals nothing is left");
        }
    }
}

/// Gives the key at `place` a second name, which says when. Another key that has this name keeps it.
fn keep_old(place: &Path, mut at: Time) -> io::Result<PathBuf> {
    loop {
        let old = with_suffix(place, &format!("old-{}", at.unix_ms()));
        match fs::hard_link(place, &old) {
            // Cut off between the two, and begun again in the same millisecond of a told time.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_one(place, &old)? => {
                return Ok(old);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => at = at + Duration::from_millis(1),
            linked => return linked.map(|()| old),
        }
    }
}

fn is_one(one: &Path, other: &Path) -> io::Result<bool> {
    Ok(fs::metadata(one)?.ino() == fs::metadata(other)?.ino())
}

fn waiting_for(place: &Path) -> PathBuf {
    with_suffix(place, "next")
}

/// Makes the names in the directory of `file` durable.
fn sync(file: &Path) -> io::Result<()> {
    File::open(directory_of(file))?.sync_all()
}

fn not_written(file: &Path, source: io::Error) -> MasterKeyError {
    MasterKeyError::NotMade { file: file.to_owned(), source }
}
