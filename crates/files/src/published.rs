//! Paths whose content the server shows to everyone: no other user may choose or change what is there.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{self, Component, Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::open::{Access, check_link, open_regular};

/// Others may write.
const OTHERS_WRITE: u32 = 0o002;
/// Only the owner of a file may rename or remove it, as in `/tmp`.
const STICKY: u32 = 0o1000;

const ROOT: u32 = 0;

/// The most links on the way to a file, as in Linux (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The path without links to which `path` leads.
///
/// In a directory to which every user may write, such as `/tmp`, another user can take any name. What another user has put there
/// is refused, be it a file, a directory or a link, and everywhere on the way: also on the way to the target of a link. So is a
/// file with a second name, because another user could have given it this one: a hard link to a secret belongs to the owner of
/// the secret. Everything is refused in such a directory that is not sticky: every user could give this name to another file in it.
/// It need not be sticky if it is a mount of its own that is read-only, as a map of files is that Kubernetes mounts: the operator
/// who mounts it decides which other programs write there. A service manager that shows this process a read-only view of the whole
/// system keeps no user from writing, and changes nothing.
///
/// A directory to which a group may write is trusted, as with secrets: its users are chosen by the operator.
///
/// A link at the end of the way is refused wherever it is if another user made it, as by [`resolve_link`](crate::resolve_link):
/// it could lead to a secret, which the server would show.
///
/// # Errors
///
/// `InvalidInput` if something is refused; otherwise the error of the system.
pub fn resolve_published(path: &Path) -> io::Result<PathBuf> {
    let mut left = names(&path::absolute(path)?);
    let mut at = Place::new("/".into())?;
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            at = Place::new(at.path.join("..").canonicalize()?)?;
            continue;
        }
        let next = Place::new(at.path.join(name))?;
        next.check_in(&at)?;
        if !next.metadata.is_symlink() {
            at = next;
            continue;
        }
        if left.is_empty() {
            check_link(&next.metadata)?;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = fs::read_link(next.path)?;
        if target.is_absolute() {
            at = Place::new("/".into())?;
        }
        left = names(&target).into_iter().chain(left).collect();
    }
    Ok(at.path)
}

/// Opens a file whose content the server shows to everyone, to read it. See [`resolve_published`].
///
/// # Errors
///
/// As [`open_regular`] and [`resolve_published`]; also `InvalidInput` if every user may write to the file.
pub fn open_published(path: &Path) -> io::Result<File> {
    let file = open_regular(&resolve_published(path)?, Access::Read)?;
    match file.metadata()?.mode() & OTHERS_WRITE {
        0 => Ok(file),
        _ => Err(refused("every user may write to it; remove that with `chmod o-w`".to_owned())),
    }
}

/// The names of a path, without those that change nothing.
fn names(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}

/// A path without links, except that its last name may be one.
struct Place {
    path: PathBuf,
    metadata: Metadata,
}

impl Place {
    fn new(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self { path, metadata })
    }

    /// Refuses what another user could have put into `parent`.
    fn check_in(&self, parent: &Self) -> io::Result<()> {
        if parent.metadata.mode() & OTHERS_WRITE == 0 {
            return Ok(());
        }
        match self.problem_in_open(parent, is_read_only_mount(parent)?) {
            None => Ok(()),
            Some(problem) => Err(refused(problem)),
        }
    }

    /// How another user could have put this into `parent`, to which every user may write.
    fn problem_in_open(&self, parent: &Self, is_read_only: bool) -> Option<String> {
        let (path, owner, links) = (self.path.display(), self.metadata.uid(), self.metadata.nlink());
        let mode = parent.metadata.mode() & 0o7777;
        if ![ROOT, geteuid().as_raw(), parent.metadata.uid()].contains(&owner) {
            return Some(format!(
                "user {owner} has put {path} into a directory to which every user may write; use a directory of your own"
            ));
        }
        if mode & STICKY == 0 && !is_read_only {
            return Some(format!(
                "every user can replace {path}: the mode of its directory is {mode:04o}; change that with `chmod o-w`"
            ));
        }
        // Each directory has several links.
        (!self.metadata.is_dir() && links > 1).then(|| {
            format!(
                "{path} has {links} names (hard links), and every user may write to its directory: another user could have given \
                 it this one; use a copy"
            )
        })
    }
}

/// Whether `directory` is on a file system apart from that of `/`, and read-only for this process.
fn is_read_only_mount(directory: &Place) -> io::Result<bool> {
    let is_apart = directory.metadata.dev() != fs::metadata("/")?.dev();
    Ok(is_apart && statvfs(&directory.path)?.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn refused(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};

    use tempfile::TempDir;

    use super::*;

    /// The id of a user other than root.
    const OTHER_USER: u32 = 65534;

    /// A directory to which every user may write, as `/tmp`.
    fn shared_directory() -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
        directory
    }

    /// Gives the file, directory or link itself to another user; `false` if this process may not.
    fn give_away(path: &Path) -> bool {
        let is_given = lchown(path, Some(OTHER_USER), None).is_ok();
        if !is_given {
            counterfoil_test_support::skip("only root can give a file to another user");
        }
        is_given
    }

    /// What is refused of the path: the path that another user has put there.
    fn refused_part(path: &Path) -> String {
        let error = open_published(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        let text = error.to_string();
        let part = text.strip_prefix("user 65534 has put ").unwrap_or_else(|| panic!("{text}"));
        part.split_once(" into a directory to which every user may write").unwrap().0.to_owned()
    }

    /// As Kubernetes mounts a map of files.
    #[test]
    fn own_files_and_links_are_opened_also_where_everyone_may_write() {
        let shared = shared_directory();
        let at = |name: &str| shared.path().join(name);
        fs::create_dir(at("..2026")).unwrap();
        fs::write(at("..2026/shop.css"), "text").unwrap();
        symlink("..2026", at("..data")).unwrap();
        symlink("..data/shop.css", at("shop.css")).unwrap();
        symlink(at("shop.css"), at("absolute")).unwrap();

        for name in ["shop.css", "absolute", "..data/shop.css", "..data/../..2026/./shop.css"] {
            let expected = shared.path().canonicalize().unwrap().join("..2026/shop.css");
            assert_eq!(resolve_published(&at(name)).unwrap(), expected, "{name}");
            assert!(open_published(&at(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused_where_everyone_may_write() {
        let (own, shared) = (tempfile::tempdir().unwrap(), shared_directory());
        let (file, link) = (shared.path().join("shop.css"), own.path().join("shop.css"));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(open_published(&file).is_ok());
        assert!(open_published(&link).is_ok());
        if !give_away(&file) {
            return;
        }
        assert_eq!(refused_part(&file), file.display().to_string());
        assert_eq!(refused_part(&link), file.display().to_string(), "the target of a link");
        fs::set_permissions(shared.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(open_published(&link).is_ok());
    }

    #[test]
    fn a_directory_of_another_user_is_refused_where_everyone_may_write() {
        let (own, shared) = (tempfile::tempdir().unwrap(), shared_directory());
        let (theme, link) = (shared.path().join("theme"), own.path().join("shop.css"));
        fs::create_dir_all(theme.join("css")).unwrap();
        let file = theme.join("css/shop.css");
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(open_published(&file).is_ok());
        if !give_away(&theme) {
            return;
        }
        for path in [&file, &link] {
            assert_eq!(refused_part(path), theme.display().to_string());
        }
    }

    /// It could lead to a secret.
    #[test]
    fn a_link_of_another_user_is_refused_at_the_end_and_where_everyone_may_write() {
        let (own, shared) = (tempfile::tempdir().unwrap(), shared_directory());
        let secret = own.path().join("secret");
        fs::write(&secret, "text").unwrap();
        let (end, way) = (own.path().join("end"), shared.path().join("way"));
        symlink(&secret, &end).unwrap();
        symlink(own.path(), &way).unwrap();
        let chain = own.path().join("chain");
        symlink(&end, &chain).unwrap();
        for path in [&end, &chain, &way.join("secret")] {
            assert!(open_published(path).is_ok());
        }
        if !give_away(&end) || !give_away(&way) {
            return;
        }
        for path in [&end, &chain] {
            let error = open_published(path).unwrap_err();
            assert!(error.to_string().contains("a symbolic link that user 65534 made"), "{error}");
        }
        assert_eq!(refused_part(&way.join("secret")), way.display().to_string());
    }

    /// Another user could give the name of the file to any other file of this directory, such as a key.
    #[test]
    fn a_directory_in_which_every_user_can_replace_files_is_refused() {
        let (own, shared) = (tempfile::tempdir().unwrap(), shared_directory());
        let (file, link) = (shared.path().join("shop.css"), own.path().join("shop.css"));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        for (mode, is_accepted) in
            [(0o755, true), (0o775, true), (0o2775, true), (0o1777, true), (0o777, false)]
        {
            fs::set_permissions(shared.path(), Permissions::from_mode(mode)).unwrap();
            for path in [&file, &link] {
                let opened = open_published(path);
                assert_eq!(opened.is_ok(), is_accepted, "{mode:o}: {opened:?}");
            }
        }
        let error = open_published(&link).unwrap_err().to_string();
        assert!(error.contains(&format!("every user can replace {}", file.display())), "{error}");
        assert!(error.contains("0777"), "{error}");
    }

    /// A link of another user to a file of this user has this user as its owner.
    #[test]
    fn a_file_with_a_second_name_is_refused_where_everyone_may_write() {
        let shared = shared_directory();
        let own = shared.path().join("own");
        fs::create_dir(&own).unwrap();
        let (secret, file) = (own.join("secret"), shared.path().join("shop.css"));
        fs::write(&secret, "text").unwrap();
        fs::hard_link(&secret, &file).unwrap();

        let error = open_published(&file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("has 2 names (hard links)"), "{error}");
        assert!(open_published(&secret).is_ok(), "in a directory of this user");
        fs::remove_file(&secret).unwrap();
        assert!(open_published(&file).is_ok());
    }

    /// As Kubernetes mounts a map of files.
    #[test]
    fn a_directory_on_a_mount_that_is_read_only_needs_no_sticky_bit() {
        let shared = shared_directory();
        fs::set_permissions(shared.path(), Permissions::from_mode(0o777)).unwrap();
        fs::write(shared.path().join("shop.css"), "text").unwrap();
        let place = |path: PathBuf| Place::new(path).unwrap();
        let (file, directory) = (place(shared.path().join("shop.css")), place(shared.path().into()));

        assert_eq!(file.problem_in_open(&directory, true), None);
        fs::hard_link(&file.path, shared.path().join("second")).unwrap();
        let linked = place(file.path.clone());
        assert!(
            linked.problem_in_open(&directory, true).is_some(),
            "another process may write where this one may not"
        );
        assert!(file.problem_in_open(&directory, false).is_some());
        assert!(!is_read_only_mount(&directory).unwrap());
    }

    #[test]
    fn a_file_to_which_every_user_may_write_is_refused() {
        let own = tempfile::tempdir().unwrap();
        let file = own.path().join("shop.css");
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        let error = open_published(&file).unwrap_err();
        assert!(error.to_string().contains("every user may write to it"), "{error}");
    }

    #[test]
    fn links_in_a_circle_and_what_is_missing_are_errors_of_the_system() {
        let own = tempfile::tempdir().unwrap();
        let at = |name: &str| own.path().join(name);
        symlink("two", at("one")).unwrap();
        symlink("one", at("two")).unwrap();
        let error = open_published(&at("one")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
        assert_eq!(open_published(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(at("file"), "").unwrap();
        for beyond in ["file/none", "file/../file"] {
            let error = open_published(&at(beyond)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{beyond}");
        }
    }
}
