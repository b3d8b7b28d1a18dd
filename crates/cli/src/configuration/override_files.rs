//! Reads the directories with the templates and texts of the operator.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use counterfoil::OverrideFile;
use counterfoil::operator::{open_configured, resolve_link};
use rustix::process::geteuid;

/// The most files in a directory and in those below it: more than there are names.
const MAX_FILES: usize = 200;

/// The most directories one below the other. Our templates have three.
const MAX_DEPTH: usize = 4;

/// Others may write.
const OTHERS_WRITE: u32 = 0o002;

const ROOT: u32 = 0;

/// The files of a directory, or what is wrong with it.
#[derive(Debug, Default)]
struct Reading {
    files: Vec<OverrideFile>,
    errors: Vec<String>,
}

/// Reads every file of a directory and of those below it. Names that begin with a dot do not count: a directory that Kubernetes
/// mounts has such ones.
///
/// # Errors
///
/// Everything that cannot be read. A link that another user made is refused, because it could lead to a secret, and so is a file
/// that another user can write or has put into a directory of everyone: such a user could change the pages.
pub(super) fn read_directory(directory: &Path) -> Result<Vec<OverrideFile>, Vec<String>> {
    check_directory(directory).map_err(|error| vec![unreadable(directory, &error)])?;
    let mut reading = Reading::default();
    reading.add_directory(directory, "", 1);
    if reading.errors.is_empty() { Ok(reading.files) } else { Err(reading.errors) }
}

impl Reading {
    fn add_directory(&mut self, directory: &Path, prefix: &str, depth: usize) {
        let (parent, entries) = match entries(directory) {
            Ok(found) => found,
            Err(error) => return self.errors.push(unreadable(directory, &error)),
        };
        for path in entries {
            if self.files.len() >= MAX_FILES || depth > MAX_DEPTH {
                let most = format!("has more than {MAX_FILES} files, or directories that are too deep");
                return self.errors.push(format!("{} {most}", directory.display()));
            }
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                self.errors.push(format!("{} has a name that is not UTF-8", path.display()));
                continue;
            };
            let name = format!("{prefix}{name}");
            match resolve_link(&path).and_then(fs::metadata) {
                Ok(found) if found.is_dir() => match check_owner(&found, &parent) {
                    Ok(()) => self.add_directory(&path, &format!("{name}/"), depth + 1),
                    Err(error) => self.errors.push(unreadable(&path, &error)),
                },
                Ok(_) => match read_file(&path, &parent) {
                    Ok(content) => self.files.push(OverrideFile { name, content }),
                    Err(error) => self.errors.push(unreadable(&path, &error)),
                },
                Err(error) => self.errors.push(unreadable(&path, &error)),
            }
        }
    }
}

/// Another user could have made a directory of this name where everyone may.
fn check_directory(directory: &Path) -> io::Result<()> {
    let resolved = fs::canonicalize(resolve_link(directory)?)?;
    let parent = resolved.parent().unwrap_or(&resolved);
    check_owner(&fs::metadata(&resolved)?, &fs::metadata(parent)?)
}

/// A directory, and what is in it by name, without what begins with a dot.
fn entries(directory: &Path) -> io::Result<(Metadata, Vec<PathBuf>)> {
    let directory = resolve_link(directory)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(&directory)? {
        let entry = entry?;
        if paths.len() > MAX_FILES {
            break;
        }
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok((fs::metadata(directory)?, paths))
}

/// The content of a file, of which at most one byte too many is read.
fn read_file(path: &Path, parent: &Metadata) -> io::Result<Vec<u8>> {
    let file = open_configured(path)?;
    let metadata = file.metadata()?;
    check_owner(&metadata, parent)?;
    if metadata.mode() & OTHERS_WRITE != 0 {
        return Err(refused("every user may write to it; remove that with `chmod o-w`"));
    }
    let mut content = Vec::new();
    file.take(OverrideFile::MAX_LEN as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// In a directory to which every user may write, as the one of a map that Kubernetes mounts, what another user has put there is
/// refused.
fn check_owner(found: &Metadata, parent: &Metadata) -> io::Result<()> {
    let trusted = [ROOT, geteuid().as_raw(), parent.uid()];
    if parent.mode() & OTHERS_WRITE == 0 || trusted.contains(&found.uid()) {
        return Ok(());
    }
    let problem =
        "another user has put it into a directory to which every user may write; use a directory of your own";
    Err(refused(problem))
}

fn refused(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, problem)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        read_directory(directory).unwrap().into_iter().map(|file| file.name).collect()
    }

    fn error(directory: &Path) -> String {
        let [error] = read_directory(directory).unwrap_err().try_into().unwrap();
        error
    }

    #[test]
    fn files_are_named_by_their_paths() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("console/live")).unwrap();
        for name in ["b.html", "a.html", "console/users.html", "console/live/stats.html", ".hidden"] {
            fs::write(dir.path().join(name), name).unwrap();
        }

        let read = names(dir.path());

        assert_eq!(read, ["a.html", "b.html", "console/live/stats.html", "console/users.html"]);
    }

    /// As Kubernetes mounts a map of files.
    #[test]
    fn own_links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("..2026")).unwrap();
        fs::write(at("..2026/login.html"), "text").unwrap();
        symlink("..2026", at("..data")).unwrap();
        symlink("..data/login.html", at("login.html")).unwrap();
        symlink(dir.path(), at("loop")).unwrap();

        assert!(read_directory(dir.path()).unwrap_err()[0].contains("too deep"));
        fs::remove_file(at("loop")).unwrap();
        assert_eq!(names(dir.path()), ["login.html"]);
    }

    #[test]
    fn a_link_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join(".secret");
        fs::write(&secret, "secret").unwrap();
        let link = dir.path().join("login.html");
        symlink(&secret, &link).unwrap();
        if lchown(&link, Some(65_534), None).is_err() {
            return counterfoil_test_support::skip("only root can give a link to another user");
        }
        assert!(
            error(dir.path())
                .contains("login.html cannot be read: it is a symbolic link that user 65534 made")
        );
    }

    #[test]
    fn a_file_that_another_user_can_write_or_has_written_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("login.html");
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(error(dir.path()).contains("login.html cannot be read: every user may write to it; "));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(names(dir.path()), ["login.html"]);
        if lchown(&file, Some(65_534), None).is_err() {
            return counterfoil_test_support::skip("only root can give a file to another user");
        }
        assert!(
            error(dir.path()).contains("login.html cannot be read: another user has put it into a directory")
        );
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(names(dir.path()), ["login.html"]);
    }

    #[test]
    fn a_directory_that_another_user_has_made_where_everyone_may_is_refused() {
        let shared = tempfile::tempdir().unwrap();
        fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let theme = shared.path().join("theme");
        fs::create_dir(&theme).unwrap();
        assert_eq!(names(&theme), [""; 0]);
        if lchown(&theme, Some(65_534), None).is_err() {
            return counterfoil_test_support::skip("only root can give a directory to another user");
        }
        assert!(error(&theme).contains("theme cannot be read: another user has put it into a directory"));
    }

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none");
        assert!(error(&missing).starts_with(&format!("{} cannot be read: No such file", missing.display())));
    }

    #[test]
    fn too_many_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        (0..=MAX_FILES).for_each(|number| fs::write(dir.path().join(number.to_string()), "").unwrap());
        assert!(error(dir.path()).contains("has more than 200 files"));
    }

    #[test]
    fn a_file_is_not_read_to_its_end_if_it_is_too_long() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("login.html"), " ".repeat(100_000)).unwrap();
        let [file] = read_directory(dir.path()).unwrap().try_into().unwrap();
        assert_eq!(file.content.len(), OverrideFile::MAX_LEN + 1);
    }
}
