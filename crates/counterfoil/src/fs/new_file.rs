//! Creates files for their owner alone. A file that root creates is given to the user of the service.
//!
//! An administrative command that finds no server does its work itself, mostly as root. The service must be
//! able to open the files that root creates in the data directory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

const ROOT: u32 = 0;

/// Creates the file `path` with mode 0600; fails if the name is taken. If root creates it, it gets the owner
/// of `owner_of` (its directory, or the file that it replaces) before it has any content.
///
/// Only the file created by this call changes its owner: a symbolic link that another user placed at
/// `path` makes the call fail.
pub(crate) fn create(path: &Path, owner_of: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    match set_owner(&file, owner_of) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// The directory that contains `path`.
pub(crate) fn parent_dir(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `FILE.SUFFIX`: `auth.db` with `key` is `auth.db.key`.
pub(crate) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Gives a file that root created to the owner of `owner_of`. Files of other users keep their owner.
fn set_owner(created: &File, owner_of: &Path) -> io::Result<()> {
    let (metadata, owner) = (created.metadata()?, owner_of.metadata()?);
    match (metadata.uid(), owner.uid()) {
        (ROOT, uid) if uid != ROOT => fchown(created, Some(uid), Some(owner.gid())),
        _ => Ok(()),
    }
}
