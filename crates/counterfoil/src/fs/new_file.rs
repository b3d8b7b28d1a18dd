//! New files beside the store: for their owner alone, and where root makes them, for the user of the service.
//!
//! An operator's command that finds no server does its work itself, mostly as root. What root leaves behind in
//! the data directory the service has to open afterwards.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

const ROOT: u32 = 0;

/// Makes the file `path`, mode 0600, where nothing is. If root makes it, it is given to the owner of `model`, its
/// directory or the file whose place it takes, before anything is in it.
///
/// Nothing is given away but what was made this moment: a link that somebody has put there is in the way.
pub(crate) fn make(path: &Path, model: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    match give(&file, model) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// The directory that `path` lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives what root has made to the owner of `model`. What anybody else has made is theirs.
fn give(made: &File, model: &Path) -> io::Result<()> {
    let (about, owner) = (made.metadata()?, model.metadata()?);
    match (about.uid(), owner.uid()) {
        (ROOT, owner_id) if owner_id != ROOT => fchown(made, Some(owner_id), Some(owner.gid())),
        _ => Ok(()),
    }
}
