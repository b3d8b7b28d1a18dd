//! Replaces the master key file before and after the keys in the store are encrypted again.
//!
//! The new key is written to `master-key.next` and synced before anything is encrypted with it, and renamed
//! to `master-key` after that is durable. After an interruption at any point one of the two keys opens the
//! store, and the next start finds out which. The old key stays in `master-key.old-…`: backups made before
//! need it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use counterfoil_files::{is_same_file, remove_regular, with_suffix};
use counterfoil_jose::{SealingKey, Secret, Time};

use crate::fs::atomic_write::{AtomicWrite, ExistingFile, publish};
use crate::keys::master_key_file::{MasterKeyError, read, sealing_key, write_key};

/// A new master key in `master-key.next`, which is not yet the active one.
#[derive(Debug)]
pub(crate) struct PendingMasterKey {
    active_file: PathBuf,
    pending_file: PathBuf,
    key: SealingKey,
}

impl PendingMasterKey {
    /// Writes `key` next to `active_file`, durably.
    pub(crate) fn write(active_file: &Path, key: &Secret<[u8; 32]>) -> Result<Self, MasterKeyError> {
        let pending_file = pending_for(active_file);
        // A former key may still be there. The caller has checked that nothing in the store is encrypted with
        // it.
        let write = || {
            // The owner of the active file must be able to read the new one, whatever the owner of the
            // directory.
            let new = AtomicWrite::new(&pending_file, ExistingFile::Replace)?;
            AtomicWrite { owner_of: active_file, ..new }.run(|file| write_key(file, key))
        };
        write().map_err(|source| not_written(&pending_file, source))?;
        Ok(Self { active_file: active_file.to_owned(), pending_file, key: sealing_key(key) })
    }

    /// The key of an interrupted replacement of `active_file`, if there is one.
    pub(crate) fn load(active_file: &Path) -> Result<Option<Self>, MasterKeyError> {
        let pending_file = pending_for(active_file);
        let key = read(&pending_file)?;
        Ok(key.map(|key| Self { active_file: active_file.to_owned(), pending_file, key: sealing_key(&key) }))
    }

    /// The key.
    pub(crate) fn key(&self) -> &SealingKey {
        &self.key
    }

    /// Makes it the active key, once the keys in the store are encrypted with it. Returns the file that
    /// contains the old key from now on.
    pub(crate) fn activate(self, now: Time) -> Result<PathBuf, MasterKeyError> {
        let activate = || {
            let old = keep_old(&self.active_file, now)?;
            publish(&self.pending_file, &self.active_file, ExistingFile::Replace)?;
            Ok(old)
        };
        activate().map_err(|source| not_written(&self.active_file, source))
    }

    /// Deletes it, because nothing is encrypted with it.
    pub(crate) fn discard(self) {
        if let Err(error) = remove_regular(&self.pending_file) {
            tracing::warn!(%error, file = %self.pending_file.display(), "an unused master key was not deleted");
        }
    }
}

/// Gives the active key a second name with the time in it. If another key has that name, the next free one is
/// used.
fn keep_old(active_file: &Path, mut at: Time) -> io::Result<PathBuf> {
    loop {
        let old = with_suffix(active_file, &format!(".old-{}", at.unix_ms()));
        match fs::hard_link(active_file, &old) {
            // Interrupted between the link and the rename, and repeated within the same millisecond.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_same_file(active_file, &old) => {
                return Ok(old);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => at = at + Duration::from_millis(1),
            linked => return linked.map(|()| old),
        }
    }
}

fn pending_for(active_file: &Path) -> PathBuf {
    with_suffix(active_file, ".next")
}

fn not_written(file: &Path, source: io::Error) -> MasterKeyError {
    MasterKeyError::NotWritten { file: file.to_owned(), source }
}
