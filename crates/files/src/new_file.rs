//! New files and directories: private to their owner, and owned by the user of the service if root creates them.
//!
//! Root opens the store of a service too, for a command while no server runs or to restore a backup. The service must be
//! able to open the files that root creates.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::Path;

use crate::path::parent_directory;

/// The mode of a file for its owner alone.
pub(crate) const PRIVATE: u32 = 0o600;

const ROOT: u32 = 0;

/// Creates the file `path` with mode 0600. If root creates it, it gets the owner of `owner_of` (its directory, or the
/// file that it replaces) before it has any content.
///
/// # Errors
///
/// If something has the name, also a link: only a file that this call created changes its owner.
pub fn create(path: &Path, owner_of: &Path) -> io::Result<File> {
    let file = create_private(path)?;
    match set_owner(&file, owner_of) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// Creates the file `path` with mode 0600, whatever the umask. The user of this process owns it.
///
/// # Errors
///
/// If something has the name, also a link, or the system refuses.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(PRIVATE).open(path)?;
    if file.metadata()?.mode() & 0o777 != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(file)
}

/// Creates the directory `path` with mode 0700, for the owner of the directory that contains it.
///
/// # Errors
///
/// If something has the name, or the system refuses.
pub fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    set_owner(&open_directory(path)?, parent_directory(path))
}

fn open_directory(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Gives a file that root created to the owner of `owner_of`. Files of other users keep their owner.
fn set_owner(created: &File, owner_of: &Path) -> io::Result<()> {
    let (metadata, owner) = (created.metadata()?, owner_of.metadata()?);
    match (metadata.uid(), owner.uid()) {
        (ROOT, uid) if uid != ROOT => fchown(created, Some(uid), Some(owner.gid())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::open::{Access, open_regular};

    /// The id of a user other than root.
    const OTHER_USER: u32 = 65534;

    #[test]
    fn files_that_root_creates_belong_to_the_owner_of_the_directory() {
        let parent = tempfile::tempdir().unwrap();
        if chown(parent.path(), Some(OTHER_USER), Some(OTHER_USER)).is_err() {
            return counterfoil_test_support::skip("only root can give a file to another user");
        }
        let (file, directory) = (parent.path().join("file"), parent.path().join("directory"));

        create(&file, parent.path()).unwrap();
        create_directory(&directory).unwrap();
        create(&directory.join("within"), &directory).unwrap();
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

        assert_eq!(create(&link, parent.path()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!target.exists());
        assert!(open_regular(&link, Access::Read).is_err());
    }
}
