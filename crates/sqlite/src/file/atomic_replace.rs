//! Replacing a database by a restored one, so that a crash at any point leaves one of the two complete.
//!
//! ```text
//!   auth.db.restoring/         the restored database while it is copied, checked and changed; deleted if that fails
//!   auth.db.restored           the finished restored database. From the rename to this name on it is the database: the
//!                              next start moves it to auth.db
//!   auth.db.before-restore-1   the former database, which only an operator deletes
//! ```

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use counterfoil_files::{is_same_file, remove_regular, with_suffix};

use super::sync_after_crash::sync_directory_of;

/// The directory in which the restored database is prepared.
pub(crate) fn staging_directory(database: &Path) -> PathBuf {
    with_suffix(database, ".restoring")
}

/// The path of a finished restored database.
pub(crate) fn restored_database(database: &Path) -> PathBuf {
    with_suffix(database, ".restored")
}

/// Whether a database exists at `database`, or a finished restored one that the next start moves there.
pub(crate) fn exists(database: &Path) -> bool {
    database.exists() || restored_database(database).exists()
}

/// Completes a finished restore, or deletes an unfinished one. The caller holds the lock of the database.
/// Returns the path of the former database, if one was kept.
///
/// A crash may follow each step: the next call continues there.
pub(crate) fn roll_forward(database: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::remove_dir_all(staging_directory(database)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let restored = restored_database(database);
    match restored.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => check_regular(&found?)?,
    }
    let former = keep_former(database)?;
    std::fs::rename(restored, database)?;
    sync_directory_of(database)?;
    Ok(former)
}

/// Renames the former database and its write-ahead log, which may hold its newest commits.
///
/// The database itself is renamed last: as long as its new name is free, a write-ahead log with the same
/// number belongs to it. A hard link gives it the new name, so that there is a database at its old path at
/// every moment.
fn keep_former(database: &Path) -> io::Result<Option<PathBuf>> {
    let is_usable = |path: &PathBuf| path.symlink_metadata().is_err() || is_same_file(path, database);
    let mut names = (1_u32..).map(|number| with_suffix(database, &format!(".before-restore-{number}")));
    let former = names.find(is_usable).expect("one of four billion names is free");
    for suffix in ["-journal", "-wal"] {
        if_found(std::fs::rename(with_suffix(database, suffix), with_suffix(&former, suffix)))?;
    }
    // The index of the write-ahead log that was renamed.
    let _ = remove_regular(&with_suffix(database, "-shm"));
    let was_found = match std::fs::hard_link(database, &former) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => true,
        // Some file systems have no hard links.
        Err(_) => if_found(std::fs::rename(database, &former))?,
        Ok(()) => true,
    };
    sync_directory_of(database)?;
    Ok(was_found.then_some(former))
}

/// A link in place of the restored database would become the database.
fn check_regular(restored: &Metadata) -> io::Result<()> {
    match restored.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "the restored database is not a regular file")),
    }
}

/// Whether the renamed file existed.
fn if_found(renamed: io::Result<()>) -> io::Result<bool> {
    match renamed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        renamed => renamed.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A directory with the files of a former database and of a finished restored one.
    fn former_and_restored() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("auth.db");
        for (suffix, text) in
            [("", "former"), ("-wal", "its WAL"), ("-shm", "its index"), (".restored", "restored")]
        {
            fs::write(with_suffix(&database, suffix), text).unwrap();
        }
        (directory, database)
    }

    fn assert_restored(database: &Path, number: u32) {
        let read = |suffix: &str| fs::read_to_string(with_suffix(database, suffix)).unwrap_or_default();
        let former = format!(".before-restore-{number}");
        let found = [read(""), read("-wal"), read("-shm"), read(&former), read(&format!("{former}-wal"))];
        assert_eq!(found, ["restored", "", "", "former", "its WAL"]);
        assert!(!restored_database(database).exists() && !staging_directory(database).exists());
        assert!(!with_suffix(database, &format!(".before-restore-{}", number + 1)).exists());
    }

    #[test]
    fn a_restore_is_completed_after_a_crash_at_any_step() {
        type Step = fn(&Path, &str, &str);
        let rename: Step =
            |path, from, to| fs::rename(with_suffix(path, from), with_suffix(path, to)).unwrap();
        let link: Step =
            |path, from, to| fs::hard_link(with_suffix(path, from), with_suffix(path, to)).unwrap();
        // The second step on file systems with hard links, and on others.
        for keep in [link, rename] {
            for steps in 0..=3 {
                let (_directory, database) = former_and_restored();
                fs::create_dir(staging_directory(&database)).unwrap();
                fs::write(staging_directory(&database).join("store.db"), "half").unwrap();
                let moves: [(Step, &str, &str); 3] = [
                    (rename, "-wal", ".before-restore-1-wal"),
                    (keep, "", ".before-restore-1"),
                    (rename, ".restored", ""),
                ];
                for (step, from, to) in &moves[..steps] {
                    step(&database, from, to);
                }
                if steps > 1 {
                    fs::remove_file(with_suffix(&database, "-shm")).unwrap();
                }
                assert!(exists(&database));

                roll_forward(&database).unwrap();

                assert_restored(&database, 1);
            }
        }
    }

    #[test]
    fn a_former_database_does_not_overwrite_an_older_one() {
        let (_directory, database) = former_and_restored();
        fs::write(with_suffix(&database, ".before-restore-1"), "older").unwrap();

        assert_eq!(roll_forward(&database).unwrap(), Some(with_suffix(&database, ".before-restore-2")));

        assert_restored(&database, 2);
        assert_eq!(fs::read_to_string(with_suffix(&database, ".before-restore-1")).unwrap(), "older");
    }

    #[test]
    fn without_a_finished_restore_nothing_is_moved() {
        let (_directory, database) = former_and_restored();
        fs::remove_file(restored_database(&database)).unwrap();

        assert_eq!(roll_forward(&database).unwrap(), None);

        assert_eq!(fs::read_to_string(&database).unwrap(), "former");
        assert_eq!(fs::read_to_string(with_suffix(&database, "-wal")).unwrap(), "its WAL");
    }
}
