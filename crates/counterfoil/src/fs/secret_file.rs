//! Reads a file that contains a secret. A file that other users can read or write is refused, and so is everything that
//! is not a regular file. Its group may read it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use counterfoil_files::{is_secret, mode_if_writable_by_others, open_configured, parent_directory};
use counterfoil_jose::Secret;

const ROOT: u32 = 0;

/// The secret was not read.
#[derive(Debug)]
pub(crate) enum SecretFileError {
    /// The file cannot be opened or read, or is not a regular file.
    Unreadable(io::Error),
    /// Other users have permissions on the file; this is its mode.
    InsecureMode(u32),
    /// Other users can replace the files in the directory.
    InsecureDirectory {
        /// The directory.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file belongs to this user, who is neither the current user, nor root, nor the owner of its
    /// directory.
    WrongOwner(u32),
}

/// The accepted owners of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileOwner {
    /// The current user, root, or the owner of the directory. Root would otherwise read a file that an
    /// attacker placed in a shared directory.
    Trusted,
    /// Any user, unless all users can create files in the directory: the configuration names the file, and root reads it
    /// on behalf of the user of the service.
    Any,
}

/// Reads the first `max_length` bytes of `file`. It must be a regular file that only its owner and its group can read.
pub(crate) fn read(
    file: &Path,
    owner: FileOwner,
    max_length: u64,
) -> Result<Secret<Vec<u8>>, SecretFileError> {
    let opened = open_configured(file).map_err(SecretFileError::Unreadable)?;
    let metadata = opened.metadata().map_err(SecretFileError::Unreadable)?;
    if !is_secret(&metadata) {
        return Err(SecretFileError::InsecureMode(metadata.mode() & 0o777));
    }
    check_directory(file, owner, metadata.uid())?;
    content(opened, max_length).map_err(SecretFileError::Unreadable)
}

/// Checks the directory of `file`, and the owner of the file if it must be trusted.
fn check_directory(file: &Path, owner: FileOwner, uid: u32) -> Result<(), SecretFileError> {
    let dir = parent_directory(file);
    if let Some(mode) = mode_if_writable_by_others(dir).map_err(SecretFileError::Unreadable)? {
        return Err(SecretFileError::InsecureDirectory { dir: dir.to_owned(), mode });
    }
    let dir = dir.metadata().map_err(SecretFileError::Unreadable)?;
    let others_can_create = dir.mode() & 0o002 != 0;
    let trusted = [rustix::process::geteuid().as_raw(), ROOT, dir.uid()];
    match owner {
        FileOwner::Any if !others_can_create => Ok(()),
        FileOwner::Any | FileOwner::Trusted if trusted.contains(&uid) => Ok(()),
        FileOwner::Any | FileOwner::Trusted => Err(SecretFileError::WrongOwner(uid)),
    }
}

fn content(opened: File, max_length: u64) -> io::Result<Secret<Vec<u8>>> {
    let length = opened.metadata()?.len().min(max_length);
    // Capacity for all of it and one byte to detect the end: a buffer that grows leaves copies of the secret
    // behind.
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)? + 1);
    opened.take(max_length).read_to_end(&mut bytes)?;
    Ok(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::sync::mpsc;
    use std::time::Duration;

    use counterfoil_test_support::skip;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    use super::*;

    const OTHER_USER: u32 = 65534;

    fn secret_file() -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, "a secret").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        (dir, file)
    }

    #[test]
    fn a_file_that_others_cannot_read_is_read_up_to_the_limit() {
        let (_dir, file) = secret_file();

        assert_eq!(read(&file, FileOwner::Trusted, 100).unwrap().expose(), b"a secret");
        assert_eq!(read(&file, FileOwner::Trusted, 3).unwrap().expose(), b"a s");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert_eq!(read(&file, FileOwner::Trusted, 100).unwrap().expose(), b"a secret");
        fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(read(&file, FileOwner::Trusted, 100), Err(SecretFileError::InsecureMode(0o604))));
    }

    #[test]
    fn a_named_pipe_is_refused_without_blocking() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (sender, receiver) = mpsc::channel();

        std::thread::spawn(move || sender.send(read(&pipe, FileOwner::Trusted, 100)));

        let refused = receiver.recv_timeout(Duration::from_secs(10)).expect("the read blocks");
        assert!(matches!(refused, Err(SecretFileError::Unreadable(_))), "{refused:?}");
    }

    #[test]
    fn a_file_that_others_can_replace_is_refused() {
        let (dir, file) = secret_file();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();

        let refused = read(&file, FileOwner::Any, 100);

        assert!(
            matches!(refused, Err(SecretFileError::InsecureDirectory { mode: 0o777, .. })),
            "{refused:?}"
        );
        fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(read(&file, FileOwner::Any, 100).is_ok(), "Kubernetes mounts secrets in such a directory");
    }

    #[test]
    fn a_file_of_an_untrusted_owner_is_refused() {
        let (dir, file) = secret_file();
        if chown(&file, Some(OTHER_USER), None).is_err() {
            return skip("only root can change the owner of a file");
        }

        let refused = read(&file, FileOwner::Trusted, 100);
        assert!(matches!(refused, Err(SecretFileError::WrongOwner(OTHER_USER))), "{refused:?}");
        assert!(read(&file, FileOwner::Any, 100).is_ok());
        fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(read(&file, FileOwner::Any, 100).is_err(), "any user can create files here");
        chown(dir.path(), Some(OTHER_USER), None).unwrap();
        assert!(read(&file, FileOwner::Trusted, 100).is_ok(), "root reads for the owner of the directory");
    }
}
