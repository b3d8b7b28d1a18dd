//! Opens existing files: regular ones only, and never through a link that an untrusted user made.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

const ROOT: u32 = 0;

/// What an opened file is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Read,
    /// It is read and written.
    ReadWrite,
}

/// Opens the regular file `path`. A link is not followed, and a named pipe does not block.
///
/// # Errors
///
/// `InvalidInput` if it is a link, a directory, a socket, a pipe or a device; otherwise the error of the system.
pub fn open_regular(path: &Path, access: Access) -> io::Result<File> {
    // Examined before it is opened, because opening a device can have an effect; and again afterwards, because it may
    // have been exchanged.
    check_regular(&fs::symlink_metadata(path)?)?;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let opened = OpenOptions::new()
        .read(true)
        .write(access == Access::ReadWrite)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => not_regular(),
            _ => error,
        })?;
    check_regular(&opened.metadata()?)?;
    Ok(opened)
}

/// Opens a file whose path an operator has configured, to read it. See [`resolve_link`].
///
/// # Errors
///
/// As [`open_regular`] and [`resolve_link`].
pub fn open_configured(path: &Path) -> io::Result<File> {
    open_regular(&resolve_link(path)?, Access::Read)
}

/// The path of the file to which `path` leads: itself, or the target of a link that root or the current user made.
///
/// Kubernetes mounts a secret as links that root owns. A link of another user is refused, as Linux does in `/tmp`
/// (`fs.protected_symlinks`): root would open, and write, any file to which the user of a service has placed a link.
///
/// # Errors
///
/// `InvalidInput` if another user made the link; otherwise the error of the system.
pub fn resolve_link(path: &Path) -> io::Result<PathBuf> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_symlink() {
        return Ok(path.to_owned());
    }
    check_link(&metadata)?;
    path.canonicalize()
}

/// Refuses a link that neither root nor the current user made.
pub(crate) fn check_link(link: &fs::Metadata) -> io::Result<()> {
    if [ROOT, geteuid().as_raw()].contains(&link.uid()) {
        return Ok(());
    }
    let error = format!("it is a symbolic link that user {} made; name its target itself", link.uid());
    Err(io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn check_regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(not_regular()) }
}

/// The error for everything that is not a regular file.
pub(crate) fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{lchown, symlink};
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc;
    use std::time::Duration;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// The id of a user other than root.
    const OTHER_USER: u32 = 65534;

    #[test]
    fn only_a_regular_file_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("missing"), at("dangling")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        fs::create_dir(at("directory")).unwrap();

        for access in [Access::Read, Access::ReadWrite] {
            assert!(open_regular(&at("file"), access).is_ok());
            for name in ["link", "dangling", "socket", "directory"] {
                let refused = open_regular(&at(name), access).unwrap_err();
                assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{name}");
            }
        }
        assert_eq!(open_regular(&at("missing"), Access::Read).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_named_pipe_is_refused_without_blocking() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (sender, receiver) = mpsc::channel();

        std::thread::spawn(move || sender.send(open_configured(&pipe).map(drop)));

        let refused = receiver.recv_timeout(Duration::from_secs(10)).expect("opening blocks");
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_configured_link_is_followed_unless_another_user_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("..2026")).unwrap();
        fs::write(at("..2026/key"), "text").unwrap();
        symlink("..2026", at("..data")).unwrap();
        symlink("..data/key", at("key")).unwrap();

        assert!(open_configured(&at("key")).is_ok());
        assert_eq!(resolve_link(&at("..2026/key")).unwrap(), at("..2026/key"));
        if lchown(at("key"), Some(OTHER_USER), None).is_err() {
            return counterfoil_test_support::skip("only root can give a link to another user");
        }
        let refused = open_configured(&at("key")).unwrap_err();
        assert!(refused.to_string().contains("user 65534"), "{refused}");
    }
}
