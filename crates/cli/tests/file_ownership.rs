//! Commands that root runs leave files that the service can use, which runs as another user.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, output_of, succeed};

/// The user of the service.
const SERVICE: u32 = 65534;

/// A data directory that belongs to the service; `None` if the test is not root, or cannot run a process as another
/// user.
fn service_dir() -> Option<(TempDir, PathBuf)> {
    let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !rustix::process::geteuid().is_root() || !has_setpriv {
        counterfoil_test_support::skip("this needs root and setpriv");
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    fs::create_dir(&dir).unwrap();
    for path in [temp.path(), &dir] {
        chown(path, Some(SERVICE), Some(SERVICE)).unwrap();
    }
    Some((temp, dir))
}

/// Starts and stops a server for `dir` as the user of the service.
fn serve_as_service(dir: &Path) {
    let serve = counterfoil(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
    // A copy, because other users may have no access to the directory of the binary.
    let binary = dir.with_extension("bin");
    if !binary.exists() {
        fs::copy(serve.get_program(), &binary).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]);
    command.arg(&binary).args(serve.get_args());
    assert!(Server::start(&mut command, &dir.with_extension("log")).stop(Signal::TERM).success());
}

/// Asserts that all files in `dir` belong to the service, and that only it can read them.
fn assert_owned_by_service(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.metadata().unwrap();
        let owner = (metadata.uid(), metadata.gid(), metadata.mode() & 0o077);
        assert_eq!(owner, (SERVICE, SERVICE, 0), "{}", path.display());
    }
}

#[test]
fn files_that_root_creates_without_a_server_belong_to_the_service() {
    let Some((temp, dir)) = service_dir() else { return };
    let (password, backup) = (temp.path().join("password"), dir.join("backup.db"));
    fs::write(&password, "correct horse battery staple").unwrap();

    // The first command creates the store, its lock, the master key and the rollback guard.
    succeed(&dir, &["user", "add", "ada", "--password-file", password.to_str().unwrap()]);
    assert_owned_by_service(&dir);
    serve_as_service(&dir);
    succeed(&dir, &["key", "rekey"]);
    succeed(&dir, &["backup", backup.to_str().unwrap()]);
    assert_owned_by_service(&dir);
    serve_as_service(&dir);
    succeed(&dir, &["restore", backup.to_str().unwrap(), "--yes"]);
    succeed(&dir, &["user", "list"]);
    assert_owned_by_service(&dir);
    serve_as_service(&dir);
}

#[test]
fn a_backup_by_root_is_not_given_to_another_owner_of_the_directory() {
    let Some((temp, dir)) = service_dir() else { return };
    serve_as_service(&dir);
    let elsewhere = temp.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    chown(&elsewhere, Some(SERVICE - 1), None).unwrap();
    let backup = elsewhere.join("backup.db");

    succeed(&dir, &["backup", backup.to_str().unwrap()]);

    assert_eq!(backup.metadata().unwrap().uid(), 0);
}

#[test]
fn a_new_master_key_file_keeps_the_owner_of_the_old_one() {
    let Some((temp, dir)) = service_dir() else { return };
    serve_as_service(&dir);
    // In a directory of root, where an administrator may keep it.
    let keys = tempfile::tempdir_in(temp.path()).unwrap();
    fs::set_permissions(keys.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = keys.path().join("master-key");
    fs::rename(dir.join("master-key"), &file).unwrap();

    let mut rekey = counterfoil(&in_dir(&dir, &["key", "rekey"]));
    let output = output_of(rekey.env("COUNTERFOIL_MASTER_KEY_FILE", &file).output().unwrap());

    assert_eq!(output.status, 0, "{output:?}");

    assert_eq!(file.metadata().unwrap().uid(), SERVICE);
    assert_owned_by_service(&dir);
}
