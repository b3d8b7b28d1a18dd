//! What may be replaced or removed: regular files, and nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::open::not_regular;

/// Checks that `path` can be written: it is a regular file or does not exist.
///
/// A rename would otherwise remove the socket of a running service, a device, or a link that an operator made.
///
/// # Errors
///
/// `InvalidInput` if it is something else; otherwise the error of the system.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    is_regular_or_missing(path).map(|_| ())
}

/// Removes the regular file `path`. Returns whether it existed.
///
/// # Errors
///
/// `InvalidInput` if it is something else, which stays; otherwise the error of the system.
pub fn remove_regular(path: &Path) -> io::Result<bool> {
    match is_regular_or_missing(path)? {
        true => fs::remove_file(path).map(|()| true),
        false => Ok(false),
    }
}

/// Whether both paths name the same file. Links are not followed, and nothing is opened.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity =
        |path: &Path| path.symlink_metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// Whether a regular file has the name; an error if something else has it.
fn is_regular_or_missing(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(not_regular()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_a_regular_file_is_replaced_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("missing"), at("dangling")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        fs::create_dir(at("directory")).unwrap();

        for name in ["link", "dangling", "socket", "directory"] {
            assert_eq!(
                check_replaceable(&at(name)).unwrap_err().kind(),
                io::ErrorKind::InvalidInput,
                "{name}"
            );
            assert_eq!(remove_regular(&at(name)).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
            assert!(at(name).symlink_metadata().is_ok(), "{name}");
        }
        check_replaceable(&at("file")).unwrap();
        check_replaceable(&at("missing")).unwrap();
        assert!(remove_regular(&at("file")).unwrap());
        assert!(!remove_regular(&at("file")).unwrap());
    }

    #[test]
    fn a_link_is_not_the_file_to_which_it_leads() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();

        assert!(is_same_file(&at("file"), &at("hard")));
        assert!(!is_same_file(&at("file"), &at("link")) && !is_same_file(&at("missing"), &at("missing")));
    }
}
