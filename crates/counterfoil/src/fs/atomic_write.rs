//! Writes a file atomically and durably: to a temporary file in the same directory, which is then renamed.
//!
//! After a crash or a power loss the file has its old content or its new content, never a part of it (POSIX
//! `rename`, with `fsync` of the file before it and of the directory after it).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use counterfoil_files::{check_replaceable, create, parent_directory, remove_regular, with_suffix};
use counterfoil_jose::{base64url, random};

/// What happens to a file that already has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExistingFile {
    /// It stays, and the write fails with `AlreadyExists`.
    Keep,
    /// It is replaced, once the new content is complete and on the disk.
    Replace,
}

/// One file to be written.
#[derive(Debug)]
pub(crate) struct AtomicWrite<'a> {
    /// The file.
    pub(crate) path: &'a Path,
    /// Where its content is written first. A fixed name needs a lock: what a crashed process left there is
    /// removed.
    pub(crate) temporary: PathBuf,
    /// If root writes, the new file gets the owner of this file or directory. Its mode is 0600.
    pub(crate) owner_of: &'a Path,
    /// What happens to a file that already has the name.
    pub(crate) existing: ExistingFile,
}

impl<'a> AtomicWrite<'a> {
    /// Writes `path` through a temporary file with a random name, for the owner of its directory.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness.
    pub(crate) fn new(path: &'a Path, existing: ExistingFile) -> io::Result<Self> {
        let id: [u8; 6] = random::bytes().map_err(io::Error::other)?;
        let temporary = with_suffix(path, &format!(".{}", base64url::encode(id)));
        Ok(Self { path, temporary, owner_of: parent_directory(path), existing })
    }

    /// Has `write` write the content, and gives the file its name. Returns what `write` returned.
    ///
    /// # Errors
    ///
    /// If a step fails; then the temporary file is removed. Only a failed sync of the directory leaves the
    /// new file in place.
    pub(crate) fn run<T>(self, write: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        if self.existing == ExistingFile::Replace {
            check_replaceable(self.path)?;
        }
        remove_regular(&self.temporary)?;
        let mut file = create(&self.temporary, self.owner_of)?;
        let written = write(&mut file).and_then(|value| file.sync_all().map(|()| value));
        let published =
            written.and_then(|value| publish(&self.temporary, self.path, self.existing).map(|()| value));
        if published.is_err() {
            let _ = remove_regular(&self.temporary);
        }
        published
    }
}

/// Replaces `path` with what `write` writes, atomically and durably. The file gets mode 0600 unless `write`
/// sets another one.
///
/// # Errors
///
/// If a file cannot be written; then `path` is unchanged.
pub fn replace_file<T>(path: &Path, write: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
    AtomicWrite::new(path, ExistingFile::Replace)?.run(write)
}

/// Gives `temporary`, which is complete and synced, the name `path` in the same directory, durably.
///
/// # Errors
///
/// `AlreadyExists` if `path` exists and must be kept, `InvalidInput` if it is not a regular file: a socket, a device or a
/// link is never replaced. `temporary` then still exists.
pub(crate) fn publish(temporary: &Path, path: &Path, existing: ExistingFile) -> io::Result<()> {
    match existing {
        ExistingFile::Replace => {
            check_replaceable(path)?;
            fs::rename(temporary, path)?;
        }
        ExistingFile::Keep => rename_without_replacing(temporary, path)?,
    }
    sync_dir(path)
}

/// Makes the names in the directory of `file` durable.
pub(crate) fn sync_dir(file: &Path) -> io::Result<()> {
    File::open(parent_directory(file))?.sync_all()
}

/// Uses a hard link, because that fails if another process created `path` first. On a file system without
/// hard links the name is checked once more instead.
fn rename_without_replacing(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => fs::remove_file(temporary),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if path.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(temporary, path),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_file_is_replaced_only_if_the_new_content_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        replace_file(&file, |new| new.write_all(b"old")).unwrap();

        let failed = replace_file(&file, |new| {
            new.write_all(b"ne")?;
            Err::<(), _>(io::ErrorKind::StorageFull.into())
        });

        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&file).unwrap(), b"old");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn only_a_regular_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (socket, link) = (dir.path().join("socket"), dir.path().join("link"));
        let _socket = UnixListener::bind(&socket).unwrap();
        symlink(dir.path().join("missing"), &link).unwrap();

        for path in [&socket, &link] {
            let refused = replace_file(path, |new| new.write_all(b"new")).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{}", path.display());
            assert!(path.symlink_metadata().is_ok());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn an_existing_file_is_kept_if_so_requested() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let write = |text: &'static [u8]| {
            AtomicWrite::new(&file, ExistingFile::Keep).unwrap().run(|new| new.write_all(text))
        };

        write(b"first").unwrap();
        let second = write(b"second");

        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
