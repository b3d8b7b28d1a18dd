//! New files and directories: private to their owner, and owned by the owner of the directory if root creates
//! them.
//!
//! Root opens the store of a service too, for a command while no server runs or to restore a backup. The
//! service must be able to open the files that root creates.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

const ROOT: u32 = 0;

/// Creates the file `path` with mode 0600. If root creates it in the directory of another user, that user
/// owns it before it has any content.
///
/// Only a file that was created by this call changes its owner: an existing file or link is an error.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = create_private(path)?;
    match set_owner(&file, parent_directory(path)) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// Creates the file `path` with mode 0600. The user of this process owns it.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Creates the directory `path` with mode 0700, as [`create`] creates a file.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    set_owner(&File::open(path)?, parent_directory(path))
}

/// The directory that contains `path`.
pub(crate) fn parent_directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a file that root owns to the owner of `directory`. A file of another user stays as it is.
fn set_owner(file: &File, directory: &Path) -> io::Result<()> {
    let (file_metadata, owner) = (file.metadata()?, directory.metadata()?);
    match (file_metadata.uid(), owner.uid()) {
        (ROOT, owner_id) if owner_id != ROOT => fchown(file, Some(owner_id), Some(owner.gid())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// The id of a user other than root.
    const OTHER_USER: u32 = 65534;

    #[test]
    fn files_that_root_creates_belong_to_the_owner_of_the_directory() {
        let parent = tempfile::tempdir().unwrap();
        if chown(parent.path(), Some(OTHER_USER), Some(OTHER_USER)).is_err() {
            return counterfoil_test_support::skip("only root can give a file to another user");
        }
        let (file, directory) = (parent.path().join("file"), parent.path().join("directory"));

        create(&file).unwrap();
        create_directory(&directory).unwrap();
        create(&directory.join("within")).unwrap();
        create_private(&parent.path().join("private")).unwrap();

        for (path, mode) in [(&file, 0o600), (&directory, 0o700), (&directory.join("within"), 0o600)] {
            let metadata = path.metadata().unwrap();
            let found = (metadata.uid(), metadata.gid(), metadata.mode() & 0o777);
            assert_eq!(found, (OTHER_USER, OTHER_USER, mode));
        }
        assert_eq!(parent.path().join("private").metadata().unwrap().uid(), ROOT);
    }

    /// Otherwise the owner of the directory could gain any file that root can write.
    #[test]
    fn links_are_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let (target, link) = (parent.path().join("target"), parent.path().join("link"));
        symlink(&target, &link).unwrap();

        assert_eq!(create(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!target.exists());
    }
}
