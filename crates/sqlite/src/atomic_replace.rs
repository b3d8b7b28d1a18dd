//! The place of a database, and how another one takes it at once.
//!
//! ```text
//!   auth.db.restoring/         being copied, judged and marked; thrown away if it comes to nothing
//!   auth.db.restored           finished. From the moment that it has this name it is the database: whoever
//!                              opens auth.db next puts it there first
//!   auth.db.before-restore-1   the former database, which nobody deletes but the operator
//! ```
//!
//! So a crash at any point leaves the former database as it was, or the restored one with its marks.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::file_lock::{beside, is_one_file};
use crate::sync_after_crash::sync_directory_of;

/// The directory in which a restored database is made.
pub(crate) fn staging(place: &Path) -> PathBuf {
    beside(place, ".restoring")
}

/// The name of a restored database that is finished.
pub(crate) fn finished(place: &Path) -> PathBuf {
    beside(place, ".restored")
}

/// Whether there is a database at `place`, or a restored one that takes the place as soon as somebody opens it.
pub(crate) fn is_there(place: &Path) -> bool {
    place.exists() || finished(place).exists()
}

/// Finishes what a restore has begun, or throws away what it never finished. The caller owns the place. Says where
/// the former database is kept, if one was set aside.
///
/// Each step may be the last before the power goes: the next call goes on where it ended.
pub(crate) fn roll_forward(place: &Path) -> io::Result<Option<PathBuf>> {
    match std::fs::remove_dir_all(staging(place)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if !finished(place).exists() {
        return Ok(None);
    }
    let former = set_aside(place)?;
    std::fs::rename(finished(place), place)?;
    sync_directory_of(place)?;
    Ok(former)
}

/// Gives the former database another name, with the commits that stand in its log alone.
///
/// The database itself goes last: as long as its new name is free, its log was moved for the same number. It is
/// linked, so that at each moment there is a database in the place.
fn set_aside(place: &Path) -> io::Result<Option<PathBuf>> {
    let is_ours = |path: &PathBuf| !path.exists() || is_one_file(path, place);
    let mut names = (1_u32..).map(|number| beside(place, &format!(".before-restore-{number}")));
    let former = names.find(is_ours).expect("some of four billion names is free");
    for suffix in ["-journal", "-wal"] {
        if_there(std::fs::rename(beside(place, suffix), beside(&former, suffix)))?;
    }
    // The index of a log that is no longer there.
    let _ = std::fs::remove_file(beside(place, "-shm"));
    let was_there = match std::fs::hard_link(place, &former) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => true,
        // Some file systems have no links.
        Err(_) => if_there(std::fs::rename(place, &former))?,
        Ok(()) => true,
    };
    sync_directory_of(place)?;
    Ok(was_there.then_some(former))
}

/// Whether there was something to be moved.
fn if_there(moved: io::Result<()>) -> io::Result<bool> {
    match moved {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        moved => moved.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A place with the files of a former database and of a finished one.
    fn place() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("auth.db");
        for (suffix, text) in
            [("", "former"), ("-wal", "its log"), ("-shm", "its index"), (".restored", "restored")]
        {
            fs::write(beside(&place, suffix), text).unwrap();
        }
        (directory, place)
    }

    fn is_put(place: &Path, number: u32) {
        let read = |suffix: &str| fs::read_to_string(beside(place, suffix)).unwrap_or_default();
        let former = format!(".before-restore-{number}");
        let found = [read(""), read("-wal"), read("-shm"), read(&former), read(&format!("{former}-wal"))];
        assert_eq!(found, ["restored", "", "", "former", "its log"]);
        assert!(!finished(place).exists() && !staging(place).exists());
        assert!(!beside(place, &format!(".before-restore-{}", number + 1)).exists());
    }

    #[test]
    fn whatever_was_the_last_step_the_next_start_goes_on() {
        type Step = fn(&Path, &str, &str);
        let rename: Step = |place, from, to| fs::rename(beside(place, from), beside(place, to)).unwrap();
        let link: Step = |place, from, to| fs::hard_link(beside(place, from), beside(place, to)).unwrap();
        // The second where the file system has links, and where it has none.
        for keep in [link, rename] {
            for steps in 0..=3 {
                let (_directory, place) = place();
                fs::create_dir(staging(&place)).unwrap();
                fs::write(staging(&place).join("store.db"), "half").unwrap();
                let moves: [(Step, &str, &str); 3] = [
                    (rename, "-wal", ".before-restore-1-wal"),
                    (keep, "", ".before-restore-1"),
                    (rename, ".restored", ""),
                ];
                for (step, from, to) in &moves[..steps] {
                    step(&place, from, to);
                }
                if steps > 1 {
                    fs::remove_file(beside(&place, "-shm")).unwrap();
                }
                assert!(is_there(&place));

                roll_forward(&place).unwrap();

                is_put(&place, 1);
            }
        }
    }

    #[test]
    fn a_former_database_never_takes_the_place_of_another_one() {
        let (_directory, place) = place();
        fs::write(beside(&place, ".before-restore-1"), "older").unwrap();

        assert_eq!(roll_forward(&place).unwrap(), Some(beside(&place, ".before-restore-2")));

        is_put(&place, 2);
        assert_eq!(fs::read_to_string(beside(&place, ".before-restore-1")).unwrap(), "older");
    }

    #[test]
    fn without_a_finished_one_nothing_is_moved() {
        let (_directory, place) = place();
        fs::remove_file(finished(&place)).unwrap();

        assert_eq!(roll_forward(&place).unwrap(), None);

        assert_eq!(fs::read_to_string(&place).unwrap(), "former");
        assert_eq!(fs::read_to_string(beside(&place, "-wal")).unwrap(), "its log");
    }
}
