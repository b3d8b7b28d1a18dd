//! A file with a secret in it, as an operator keeps it: whoever else could read or write it, or wait at it, is refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use counterfoil_jose::Secret;
use rustix::fs::OFlags;

use crate::fs::new_file::directory_of;

const ROOT: u32 = 0;

/// The secret is not read.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It does not open, or is no file.
    Unreadable(io::Error),
    /// Others can read it, by these permissions.
    Exposed(u32),
    /// It is the file of this user, who is neither we, nor root, nor the owner of its directory.
    Foreign(u32),
}

/// Whose file it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Ours, root's, or that of whoever owns its directory: root reads also what somebody else has put into a shared
    /// one.
    Ours,
    /// Anybody's: the configuration names it, and root reads it on behalf of the user of the service.
    Anybodys,
}

/// What `file` holds, its first `longest` bytes. It has to be a regular file that its owner alone can read.
pub(crate) fn read(file: &Path, whose: Whose, longest: u64) -> Result<Secret<Vec<u8>>, Refused> {
    // Without waiting: a named pipe would hold us until somebody writes to it.
    let no_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(no_waiting).open(file);
    let opened = opened.map_err(Refused::Unreadable)?;
    judge(&opened)?;
    if whose == Whose::Ours {
        judge_owner(&opened, file)?;
    }
    content(opened, longest).map_err(Refused::Unreadable)
}

fn judge(opened: &File) -> Result<(), Refused> {
    let about = opened.metadata().map_err(Refused::Unreadable)?;
    if !about.is_file() {
        let what = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(Refused::Unreadable(what));
    }
    if about.mode() & 0o077 != 0 {
        return Err(Refused::Exposed(about.mode() & 0o777));
    }
    Ok(())
}

fn judge_owner(opened: &File, file: &Path) -> Result<(), Refused> {
    let about = opened.metadata().map_err(Refused::Unreadable)?;
    let directory = directory_of(file).metadata().map_err(Refused::Unreadable)?;
    let ours = [rustix::process::geteuid().as_raw(), ROOT, directory.uid()];
    if ours.contains(&about.uid()) { Ok(()) } else { Err(Refused::Foreign(about.uid())) }
}

fn content(opened: File, longest: u64) -> io::Result<Secret<Vec<u8>>> {
    let length = opened.metadata()?.len().min(longest);
    // Room for all of it, and for one byte to see the end by: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)? + 1);
    opened.take(longest).read_to_end(&mut bytes)?;
    Ok(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};
    use std::path::PathBuf;
    use std::sync::mpsc;
    use std::time::Duration;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    use super::*;

    const NOBODY: u32 = 65534;

    fn kept() -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, "a secret").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        (dir, file)
    }

    #[test]
    fn what_its_owner_alone_can_read_is_read_up_to_its_bound() {
        let (_dir, file) = kept();

        assert_eq!(read(&file, Whose::Ours, 100).unwrap().expose(), b"a secret");
        assert_eq!(read(&file, Whose::Ours, 3).unwrap().expose(), b"a s");
        fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(read(&file, Whose::Ours, 100), Err(Refused::Exposed(0o604))));
    }

    #[test]
    fn nobody_waits_at_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (tell, told) = mpsc::channel();

        std::thread::spawn(move || tell.send(read(&pipe, Whose::Ours, 100)));

        let refused = told.recv_timeout(Duration::from_secs(10)).expect("it waits");
        assert!(matches!(refused, Err(Refused::Unreadable(_))), "{refused:?}");
    }

    #[test]
    fn what_somebody_else_has_put_there_is_no_secret_of_ours() {
        let (dir, file) = kept();
        if chown(&file, Some(NOBODY), None).is_err() {
            return counterfoil_test_support::skip("only root can give a file to another user");
        }

        assert!(matches!(read(&file, Whose::Ours, 100), Err(Refused::Foreign(NOBODY))));
        assert!(read(&file, Whose::Anybodys, 100).is_ok());
        chown(dir.path(), Some(NOBODY), None).unwrap();
        assert!(read(&file, Whose::Ours, 100).is_ok(), "root, for the service whose directory it is");
    }
}
