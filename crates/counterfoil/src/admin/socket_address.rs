//! The address of the admin socket, also in a directory whose path is too long for one.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The most bytes of the path of a socket (`sun_path` in `unix(7)`, without its final zero).
const MAX_PATH_LENGTH: usize = 107;

/// The name of the socket in the data directory.
const SOCKET_NAME: &str = "admin.sock";

/// The path of the socket of a server with the data directory `dir`.
pub fn socket_path(dir: &Path) -> PathBuf {
    dir.join(SOCKET_NAME)
}

/// The path at which a socket is bound or connected, as long as the value lives.
///
/// A path that is too long is replaced by one through an open directory, `/proc/self/fd/N/admin.sock`.
#[derive(Debug)]
pub(super) struct SocketAddress {
    path: PathBuf,
    /// The directory that `path` leads through.
    _directory: Option<OwnedFd>,
}

impl SocketAddress {
    /// The address of the socket in the data directory `dir`.
    ///
    /// # Errors
    ///
    /// If the directory cannot be opened, or its path is too long and `/proc` is not mounted.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        let path = socket_path(dir);
        if path.as_os_str().len() <= MAX_PATH_LENGTH {
            return Ok(Self { path, _directory: None });
        }
        let directory =
            rustix::fs::open(dir, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let through = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string());
        if !through.exists() {
            let error = format!(
                "the path {} is too long for a socket; mount /proc, or choose a data directory with a shorter path",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        Ok(Self { path: through.join(SOCKET_NAME), _directory: Some(directory) })
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
