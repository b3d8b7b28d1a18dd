//! What an operator can do about an error of the file system: which part of a path is wrong, and why.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What to do about `error`, which the system returned for `path`. It names the part of the path that is missing, is no
/// directory, or belongs to another user. `None` if nothing is known about this kind of error.
///
/// ```
/// let hint = counterfoil_files::path_hint("/no/such/dir/x".as_ref(), &std::io::ErrorKind::NotFound.into());
///
/// assert_eq!(hint.as_deref(), Some("the directory /no does not exist: create it, or name another path"));
/// ```
pub fn path_hint(path: &Path, error: &io::Error) -> Option<String> {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Some(match missing_directory(path) {
            Some(dir) => {
                format!("the directory {} does not exist: create it, or name another path", dir.display())
            }
            None => format!("{shown} does not exist: name an existing path"),
        }),
        io::ErrorKind::NotADirectory => {
            let file = path.ancestors().skip(1).find(|part| part.exists()).filter(|part| !part.is_dir());
            let file = file.unwrap_or(path).display();
            Some(format!("{file} is not a directory: name a path in a directory"))
        }
        io::ErrorKind::IsADirectory => Some(format!("{shown} is a directory: name a file in it")),
        io::ErrorKind::PermissionDenied => permission_hint(path),
        io::ErrorKind::ReadOnlyFilesystem => {
            Some(format!("the file system of {shown} is read-only: name a path on another one"))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some(format!("free space on the file system of {shown}, or name a path on another one"))
        }
        _ => None,
    }
}

/// The first directory of the path that does not exist; the last part of the path is not one.
fn missing_directory(path: &Path) -> Option<&Path> {
    let directories = path.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty());
    directories.take_while(|part| !part.exists()).last()
}

/// Names the part of the path that this process may not use, with its owner. What is below it cannot be seen.
fn permission_hint(path: &Path) -> Option<String> {
    let visible = path.ancestors().find_map(|part| {
        let part = if part.as_os_str().is_empty() { Path::new(".") } else { part };
        Some((part, part.symlink_metadata().ok()?))
    });
    let (part, metadata) = visible?;
    let (user, mode) = (rustix::process::geteuid().as_raw(), metadata.mode() & 0o7777);
    Some(format!(
        "{} belongs to the user {} (mode {mode:04o}), and this process runs as the user {user}: run it as that user, or \
         change the permissions",
        part.display(),
        metadata.uid(),
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn hint(path: &Path, kind: io::ErrorKind) -> String {
        path_hint(path, &kind.into()).unwrap()
    }

    #[test]
    fn the_part_of_the_path_that_is_wrong_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let missing = dir.path().join("no/such/file");

        assert!(
            hint(&missing, io::ErrorKind::NotFound)
                .contains(&format!("{} does", missing.parent().unwrap().parent().unwrap().display()))
        );
        assert!(hint(&dir.path().join("x"), io::ErrorKind::NotFound).contains("/x does not exist"));
        assert!(hint(&file.join("x"), io::ErrorKind::NotADirectory).contains("/file is not a directory"));
        assert!(hint(dir.path(), io::ErrorKind::IsADirectory).contains("is a directory"));
        let denied = hint(&dir.path().join("x"), io::ErrorKind::PermissionDenied);
        assert!(denied.starts_with(&format!("{} belongs to the user ", dir.path().display())), "{denied}");
        assert_eq!(path_hint(&file, &io::ErrorKind::Interrupted.into()), None);
    }

    #[test]
    fn a_path_in_the_working_directory_has_a_hint() {
        assert!(hint(Path::new("missing"), io::ErrorKind::NotFound).starts_with("missing does not exist"));
        assert!(hint(Path::new("missing"), io::ErrorKind::PermissionDenied).starts_with(". belongs to"));
    }
}
