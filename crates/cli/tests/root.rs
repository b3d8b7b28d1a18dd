//! Root runs an operator's commands, and a service of another user goes on with what they leave behind.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, said, succeed};

/// Whom the service runs as.
const SERVICE: u32 = 65534;

/// A data directory of the service, which has served from it; nothing where this is not root, or the system cannot
/// run a process as somebody else.
fn of_the_service() -> Option<(TempDir, PathBuf)> {
    let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !rustix::process::geteuid().is_root() || !has_setpriv {
        counterfoil_test_support::skip("this needs root and setpriv");
        return None;
    }
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    fs::create_dir(&dir).unwrap();
    for owned in [place.path(), &dir] {
        chown(owned, Some(SERVICE), Some(SERVICE)).unwrap();
    }
    Some((place, dir))
}

/// Serves `dir` as the user of the service, for as long as it takes to start and to end.
fn serves(dir: &Path) {
    let serve = counterfoil(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
    // A copy, because where the binary was built may be closed to everybody else.
    let binary = dir.with_extension("bin");
    if !binary.exists() {
        fs::copy(serve.get_program(), &binary).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]);
    command.arg(&binary).args(serve.get_args());
    assert!(Server::start(&mut command, &dir.with_extension("log")).stop(Signal::TERM).success());
}

/// Everything in `dir` is the service's, and its alone.
fn is_the_services(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let about = path.metadata().unwrap();
        let owner = (about.uid(), about.gid(), about.mode() & 0o077);
        assert_eq!(owner, (SERVICE, SERVICE, 0), "{}", path.display());
    }
}

#[test]
fn what_root_does_without_a_server_leaves_every_file_to_the_service() {
    let Some((place, dir)) = of_the_service() else { return };
    let (password, backup) = (place.path().join("password"), dir.join("backup.db"));
    fs::write(&password, "correct horse battery staple").unwrap();

    // The first command makes everything, the store, its lock, the master key and the rollback-guard.
    succeed(&dir, &["user", "add", "ada", "--password-file", password.to_str().unwrap()]);
    is_the_services(&dir);
    serves(&dir);
    succeed(&dir, &["key", "rekey"]);
    succeed(&dir, &["backup", backup.to_str().unwrap()]);
    is_the_services(&dir);
    serves(&dir);
    succeed(&dir, &["restore", backup.to_str().unwrap(), "--yes"]);
    succeed(&dir, &["user", "list"]);
    is_the_services(&dir);
    serves(&dir);
}

#[test]
fn a_backup_by_root_is_given_to_nobody_who_has_not_the_store() {
    let Some((place, dir)) = of_the_service() else { return };
    serves(&dir);
    let elsewhere = place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    chown(&elsewhere, Some(SERVICE - 1), None).unwrap();
    let backup = elsewhere.join("backup.db");

    succeed(&dir, &["backup", backup.to_str().unwrap()]);

    assert_eq!(backup.metadata().unwrap().uid(), 0);
}

#[test]
fn a_new_master_key_is_whose_the_former_one_was() {
    let Some((place, dir)) = of_the_service() else { return };
    serves(&dir);
    // In a directory of root's, where an administrator may keep it.
    let keys = tempfile::tempdir_in(place.path()).unwrap();
    fs::set_permissions(keys.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = keys.path().join("master-key");
    fs::rename(dir.join("master-key"), &file).unwrap();

    let mut rekey = counterfoil(&in_dir(&dir, &["key", "rekey"]));
    let said = said(rekey.env("COUNTERFOIL_MASTER_KEY_FILE", &file).output().unwrap());

    assert_eq!(said.code, 0, "{said:?}");

    assert_eq!(file.metadata().unwrap().uid(), SERVICE);
    is_the_services(&dir);
}
