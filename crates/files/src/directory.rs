//! Directories in which other users can replace files.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};

/// Others may write.
const OTHERS_WRITE: u32 = 0o002;
/// Only the owner of a file may rename or remove it, as in `/tmp`.
const STICKY: u32 = 0o1000;

/// The mode of `dir` if every user of the machine can replace the files in it: others may write to it, and it is not
/// sticky. They could put a database of their own in place of a store, with their own administrators.
///
/// # Errors
///
/// If the directory cannot be examined.
pub fn mode_if_writable_by_others(dir: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(dir)?.mode() & 0o7777;
    Ok((mode & (OTHERS_WRITE | STICKY) == OTHERS_WRITE).then_some(mode))
}

/// Checks that this process can list `dir` and create files in it. It changes nothing.
///
/// # Errors
///
/// Why it cannot: `dir` does not exist, is no directory, belongs to another user, or is on a read-only file system.
pub fn check_writable_directory(dir: &Path) -> io::Result<()> {
    if !fs::metadata(dir)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    Ok(accessat(CWD, dir, access, AtFlags::EACCESS)?)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_is_refused_only_if_others_can_replace_its_files() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, refused) in [
            (0o700, None),
            (0o755, None),
            (0o2770, None),
            (0o1777, None),
            (0o777, Some(0o777)),
            (0o702, Some(0o702)),
            (0o2777, Some(0o2777)),
        ] {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(mode_if_writable_by_others(dir.path()).unwrap(), refused, "{mode:o}");
        }
    }
}
