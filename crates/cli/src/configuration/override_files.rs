//! Reads the directories with the templates and texts of the operator.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use counterfoil::OverrideFile;
use counterfoil::operator::{open_published, resolve_published};

use crate::configuration::page_file_fault::PageFileFault;

/// The most files in a directory and in those below it: more than there are names.
const MAX_FILES: usize = 200;

/// The most directories one below the other. Our templates have three.
const MAX_DEPTH: usize = 4;

/// The files of a directory, or what is wrong with it.
#[derive(Debug, Default)]
struct Reading {
    files: Vec<OverrideFile>,
    errors: Vec<PageFileFault>,
}

/// Reads every file of a directory and of those below it. Names that begin with a dot do not count: a directory that Kubernetes
/// mounts has such ones.
///
/// # Errors
///
/// Everything that cannot be read, also what another user could have put there: see `resolve_published`.
pub(super) fn read_directory(directory: &Path) -> Result<Vec<OverrideFile>, Vec<PageFileFault>> {
    let mut reading = Reading::default();
    reading.add_directory(directory, "", 1);
    if reading.errors.is_empty() { Ok(reading.files) } else { Err(reading.errors) }
}

impl Reading {
    fn add_directory(&mut self, directory: &Path, prefix: &str, depth: usize) {
        let entries = match entries(directory) {
            Ok(found) => found,
            Err(error) => return self.errors.push(PageFileFault::unreadable(directory, &error)),
        };
        for path in entries {
            if self.files.len() >= MAX_FILES || depth > MAX_DEPTH {
                let most = format!("has more than {MAX_FILES} files, or directories that are too deep");
                let hint =
                    "name the directory of the templates or texts itself, and remove other files from it"
                        .to_owned();
                let message = format!("{} {most}", directory.display());
                return self.errors.push(PageFileFault::new(message, Some(hint)));
            }
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                let message = format!("{} has a name that is not UTF-8", path.display());
                self.errors.push(PageFileFault::new(message, Some("remove it, or rename it".to_owned())));
                continue;
            };
            let name = format!("{prefix}{name}");
            match resolve_published(&path) {
                Ok(resolved) if resolved.is_dir() => {
                    self.add_directory(&path, &format!("{name}/"), depth + 1)
                }
                Ok(_) => match read_file(&path) {
                    Ok(content) => self.files.push(OverrideFile { name, content }),
                    Err(error) => self.errors.push(PageFileFault::unreadable(&path, &error)),
                },
                Err(error) => self.errors.push(PageFileFault::unreadable(&path, &error)),
            }
        }
    }
}

/// What is in a directory by name, without what begins with a dot.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(resolve_published(directory)?)? {
        let entry = entry?;
        if paths.len() > MAX_FILES {
            break;
        }
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The content of a file, of which at most one byte too many is read.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_published(path)?.take(OverrideFile::MAX_LEN as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        read_directory(directory).unwrap().into_iter().map(|file| file.name).collect()
    }

    fn error(directory: &Path) -> String {
        let [error] = <[_; 1]>::try_from(read_directory(directory).unwrap_err()).unwrap();
        error.message
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

        assert!(read_directory(dir.path()).unwrap_err()[0].message.contains("too deep"));
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
            error(dir.path()).contains("login.html is refused: it is a symbolic link that user 65534 made")
        );
    }

    #[test]
    fn a_file_that_another_user_can_write_or_has_written_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("login.html");
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(error(dir.path()).contains("login.html is refused: every user may write to it; "));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(names(dir.path()), ["login.html"]);
        if lchown(&file, Some(65_534), None).is_err() {
            return counterfoil_test_support::skip("only root can give a file to another user");
        }
        assert!(error(dir.path()).contains("login.html into a directory to which every user may write"));
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
        assert!(error(&theme).contains("theme into a directory to which every user may write"));
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
