//! Who may read a file: the rule for secrets, and how permissions on our own files are removed.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::process::geteuid;

use crate::new_file::PRIVATE;
use crate::path::parent_directory;

/// The permissions of users who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// Whether a file with this metadata can hold a secret: other users have no permissions on it.
///
/// Its group may have some. A container platform mounts a secret as a file of root that only the group of the container
/// may read, and gives that group permissions on the files of a volume. Users of the group can read the secret by the
/// decision of the operator, and gain nothing if they can write it too.
pub fn is_secret(metadata: &Metadata) -> bool {
    metadata.mode() & OTHERS == 0
}

/// Sets mode 0600 on `file`, which this program has made at `path`. A platform may have changed the mode since, or a copy
/// may have another one; a warning says what was removed.
///
/// Root changes only files of the owner of the directory: the user of a service could place a hard link to a file of
/// root there.
///
/// # Errors
///
/// If the mode cannot be changed, and other users have permissions.
pub fn restrict(file: &File, path: &Path) -> io::Result<()> {
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o7777;
    if mode == PRIVATE {
        return Ok(());
    }
    let changed = match may_change(&metadata, path)? {
        true => file.set_permissions(Permissions::from_mode(PRIVATE)),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    };
    match changed {
        Ok(()) => {
            let (file, mode) = (path.display(), format!("{mode:04o}"));
            tracing::warn!(%file, mode, "the mode of a file of the store or its keys was changed; it is 0600 again");
            Ok(())
        }
        // Of another user of the same group, or on a file system that is read-only.
        Err(_) if is_secret(&metadata) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the file belongs to the current user, or, if that is root, to the owner of its directory.
fn may_change(file: &Metadata, path: &Path) -> io::Result<bool> {
    let current = geteuid();
    let expected =
        if current.is_root() { parent_directory(path).metadata()?.uid() } else { current.as_raw() };
    Ok(file.uid() == expected)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::chown;
    use std::path::PathBuf;

    use super::*;

    /// The id of a user other than root.
    const OTHER_USER: u32 = 65534;

    fn file_with_mode(dir: &Path, mode: u32) -> (PathBuf, File) {
        let path = dir.join(format!("{mode:o}"));
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let file = File::open(&path).unwrap();
        (path, file)
    }

    #[test]
    fn the_group_may_read_a_secret_and_others_may_not() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, expected) in [
            (0o400, true),
            (0o440, true),
            (0o600, true),
            (0o640, true),
            (0o660, true),
            (0o444, false),
            (0o604, false),
            (0o602, false),
            (0o601, false),
        ] {
            let (_, file) = file_with_mode(dir.path(), mode);
            assert_eq!(is_secret(&file.metadata().unwrap()), expected, "{mode:o}");
        }
    }

    #[test]
    fn permissions_on_our_own_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o660, 0o644, 0o400, 0o2666] {
            let (path, file) = file_with_mode(dir.path(), mode);

            restrict(&file, &path).unwrap();

            assert_eq!(path.metadata().unwrap().mode() & 0o7777, PRIVATE, "{mode:o}");
        }
    }

    #[test]
    fn root_changes_only_files_of_the_owner_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let [(shared, shared_file), (open, open_file)] =
            [0o660, 0o664].map(|mode| file_with_mode(dir.path(), mode));
        if chown(dir.path(), Some(OTHER_USER), None).is_err() {
            return counterfoil_test_support::skip("only root can change the owner of a file");
        }

        restrict(&shared_file, &shared).unwrap();
        assert!(restrict(&open_file, &open).is_err(), "others can read it");

        assert_eq!(shared.metadata().unwrap().mode() & 0o777, 0o660, "it belongs to root");
        chown(&shared, Some(OTHER_USER), None).unwrap();
        restrict(&shared_file, &shared).unwrap();
        assert_eq!(shared.metadata().unwrap().mode() & 0o777, PRIVATE);
    }
}
