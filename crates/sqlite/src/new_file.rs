//! New files and directories: for their owner alone, and where root makes them, for the owner of the directory.
//!
//! Root opens the store of a service too: for a command while no server runs, or to restore a backup. What root
//! leaves behind the service has to open afterwards.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

const ROOT: u32 = 0;

/// Makes the file `path`, mode 0600, where nothing is. If root makes it in the directory of another user, it is that
/// user's before anything is in it.
///
/// Nothing is given away but what was made this moment: a link that somebody has put there is in the way.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    let file = for_us_alone(path)?;
    match give(&file, directory_of(path)) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// Makes the file `path`, mode 0600, where nothing is. It stays with whoever makes it.
pub(crate) fn for_us_alone(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the directory `path`, mode 0700, as [`make`] makes a file.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    give(&File::open(path)?, directory_of(path))
}

/// The directory that `path` lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives what root has made to the owner of `directory`. What anybody else has made is theirs.
fn give(made: &File, directory: &Path) -> io::Result<()> {
    let (about, owner) = (made.metadata()?, directory.metadata()?);
    match (about.uid(), owner.uid()) {
        (ROOT, owner_id) if owner_id != ROOT => fchown(made, Some(owner_id), Some(owner.gid())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    /// A user who is not root.
    const NOBODY: u32 = 65534;

    #[test]
    fn what_root_makes_in_somebody_elses_directory_is_theirs() {
        let place = tempfile::tempdir().unwrap();
        if chown(place.path(), Some(NOBODY), Some(NOBODY)).is_err() {
            return counterfoil_test_support::skip("only root can give a file to another user");
        }
        let (file, directory) = (place.path().join("file"), place.path().join("directory"));

        make(&file).unwrap();
        make_directory(&directory).unwrap();
        make(&directory.join("within")).unwrap();
        for_us_alone(&place.path().join("ours")).unwrap();

        for (path, mode) in [(&file, 0o600), (&directory, 0o700), (&directory.join("within"), 0o600)] {
            let about = path.metadata().unwrap();
            assert_eq!((about.uid(), about.gid(), about.mode() & 0o777), (NOBODY, NOBODY, mode));
        }
        assert_eq!(place.path().join("ours").metadata().unwrap().uid(), ROOT);
    }

    /// Else whoever owns the directory would have root give them any file.
    #[test]
    fn no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let (theirs, link) = (place.path().join("theirs"), place.path().join("link"));
        symlink(&theirs, &link).unwrap();

        assert_eq!(make(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!theirs.exists());
    }
}
