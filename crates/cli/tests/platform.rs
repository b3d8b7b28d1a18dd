//! Starts as container platforms run programs: as process 1, for a group, without a user name, on a read-only root.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of, run, succeed};

/// A user and a group without names.
const ID: u32 = 54_321;

/// A directory that other users may enter, with a copy of the binary; `None` if the test is not root.
fn fixture() -> Option<TempDir> {
    if !rustix::process::geteuid().is_root() {
        counterfoil_test_support::skip("this needs root");
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
    fs::copy(counterfoil(&[]).get_program(), temp.path().join("counterfoil")).unwrap();
    Some(temp)
}

/// An empty directory of `ID`.
fn data_dir(temp: &TempDir) -> PathBuf {
    let dir = temp.path().join("data");
    fs::create_dir(&dir).unwrap();
    chown(&dir, Some(ID), Some(ID)).unwrap();
    dir
}

/// `serve` through `wrapper`, such as `setpriv` with its options.
fn serve(temp: &TempDir, dir: &Path, wrapper: &[&str]) -> Command {
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(temp.path().join("counterfoil"));
    command.args(in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
    command.env_clear().stdin(std::process::Stdio::null());
    command
}

fn as_id() -> [&'static str; 4] {
    ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
}

/// Runs a command as the user of the server; root would not trust a server below `/tmp`.
fn list_users(temp: &TempDir, dir: &Path) {
    let mut command = Command::new("setpriv");
    command.args(&as_id()[1..]).arg(temp.path().join("counterfoil"));
    let output = output_of(command.args(in_dir(dir, &["user", "list"])).output().unwrap());
    assert_eq!(output.status, 0, "{output:?}");
}

/// Starts the server, has it answer an administrative command, and stops it.
fn start_and_stop(temp: &TempDir, command: &mut Command, dir: &Path) {
    let server = Server::start(command, &dir.with_extension("log"));
    list_users(temp, dir);
    assert!(server.stop(Signal::TERM).success());
}

fn refused(mut command: Command) -> CommandOutput {
    let output = output_of(command.output().unwrap());
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("error: ") && output.stderr.contains("hint: "), "{output:?}");
    output
}

#[test]
fn a_secret_that_is_mounted_for_the_group_of_the_container_is_used() {
    let Some(temp) = fixture() else { return };
    let dir = data_dir(&temp);
    let mount = temp.path().join("secret");
    fs::create_dir_all(mount.join("..2026")).unwrap();
    let file = mount.join("..2026/master-key");
    fs::write(&file, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\n").unwrap();
    chown(&file, None, Some(ID)).unwrap();
    symlink("..2026", mount.join("..data")).unwrap();
    symlink("..data/master-key", mount.join("master-key")).unwrap();
    fs::set_permissions(&mount, Permissions::from_mode(0o3777)).unwrap();
    let start = |mode| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let mut command = serve(&temp, &dir, &as_id());
        command.env("COUNTERFOIL_MASTER_KEY_FILE", mount.join("master-key"));
        command
    };

    assert!(Server::start(&mut start(0o440), &dir.with_extension("log")).stop(Signal::TERM).success());

    let open = refused(start(0o444));
    assert!(open.stderr.contains("can be read by other users (mode 444)"), "{open:?}");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o444, "a file of the platform is not changed");
}

#[test]
fn a_volume_whose_modes_the_platform_changes_is_served_again() {
    let Some(temp) = fixture() else { return };
    let dir = data_dir(&temp);
    start_and_stop(&temp, &mut serve(&temp, &dir, &as_id()), &dir);
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        chown(&path, None, Some(ID + 1)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o660)).unwrap();
    }
    chown(&dir, Some(0), Some(ID + 1)).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o2770)).unwrap();

    let in_group = ["setpriv", "--reuid=54321", "--regid=54321", "--groups=54322"];
    let server = Server::start(&mut serve(&temp, &dir, &in_group), &dir.with_extension("log"));
    assert!(server.stop(Signal::TERM).success());

    let log = fs::read_to_string(dir.with_extension("log")).unwrap();
    assert!(log.contains("master-key") && log.contains("0660"), "{log}");
    assert_eq!(dir.join("master-key").metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_directory_that_is_open_to_all_users_is_refused() {
    let Some(temp) = fixture() else { return };
    let dir = data_dir(&temp);
    fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();

    let output = refused(serve(&temp, &dir, &as_id()));

    assert!(output.stderr.contains("other users can replace the files in"), "{output:?}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    // A directory in it is created for the user alone.
    start_and_stop(&temp, &mut serve(&temp, &dir.join("own"), &as_id()), &dir.join("own"));
}

/// In a container the server has process id 1 at each start, after a crash too.
/// Kills the server that `unshare` has started: a process that changes its user does not end with its parent.
fn kill_children_of(pid: u32) {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    for child in children.split_whitespace() {
        let pid = Pid::from_raw(child.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }
}

#[test]
fn a_server_with_process_id_1_starts_again_after_a_crash() {
    let Some(temp) = fixture() else { return };
    let dir = data_dir(&temp);
    let wrapper = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"];
    let is_allowed = Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").output();
    if !is_allowed.is_ok_and(|output| output.status.success()) {
        return counterfoil_test_support::skip("this needs a kernel that gives new process namespaces");
    }
    // With a umask that hides nothing, without a home directory, and without the name of a user.
    let shell = ["sh", "-c", "umask 0; exec \"$@\"", "sh"];
    let wrapper = [&wrapper[..], &shell, &as_id()].concat();

    for _start in 0..3 {
        let server = Server::start(&mut serve(&temp, &dir, &wrapper), &dir.with_extension("log"));
        list_users(&temp, &dir);
        for name in ["admin.sock", "counterfoil.db", "counterfoil.db-wal", "master-key"] {
            assert_eq!(dir.join(name).metadata().unwrap().mode() & 0o777, 0o600, "{name}");
        }
        kill_children_of(server.pid());
        server.crash();
        let lock = File::open(dir.join("counterfoil.db.lock")).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while lock.try_lock().is_err() {
            assert!(Instant::now() < deadline, "the server still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_server_starts_on_a_read_only_root_in_a_directory_with_a_long_path() {
    let Some(temp) = fixture() else { return };
    let dir = data_dir(&temp);
    let script =
        "mount --make-rprivate / && mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro / && exec \"$@\"";
    let data = dir.to_str().unwrap();
    let unshare = ["unshare", "--mount", "--", "sh", "-c", script, data];
    let is_allowed = Command::new(unshare[0]).args(&unshare[1..]).arg("true").output();
    if !is_allowed.is_ok_and(|output| output.status.success()) {
        return counterfoil_test_support::skip("this needs a kernel that gives new mount namespaces");
    }
    let long = dir.join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(long.parent().unwrap()).unwrap();
    chown(long.parent().unwrap(), Some(ID), Some(ID)).unwrap();
    let wrapper = [&unshare[..], &as_id()].concat();
    let mut command = serve(&temp, &long, &wrapper);

    let server = Server::start(&mut command, &temp.path().join("log"));
    list_users(&temp, &long);

    assert!(server.stop(Signal::TERM).success());
    list_users(&temp, &long);
}

/// The user of a service plants links, and root runs a command for it.
#[test]
fn commands_of_root_follow_no_link_that_the_service_has_planted() {
    let Some(temp) = fixture() else { return };
    let dir = data_dir(&temp);
    start_and_stop(&temp, &mut serve(&temp, &dir, &as_id()), &dir);
    let precious = temp.path().join("precious");
    fs::write(&precious, "of root").unwrap();
    fs::set_permissions(&precious, Permissions::from_mode(0o644)).unwrap();

    for name in
        ["counterfoil.db.lock", "counterfoil.db-wal", "counterfoil.db-shm", "rollback-guard", "master-key"]
    {
        let (planted, kept) = (dir.join(name), temp.path().join("kept"));
        let was_there = fs::rename(&planted, &kept).is_ok();
        symlink(&precious, &planted).unwrap();
        std::os::unix::fs::lchown(&planted, Some(ID), Some(ID)).unwrap();

        let output = run(&in_dir(&dir, &["user", "list"]));

        assert_eq!(output.status, 1, "{name}: {output:?}");
        assert!(output.stderr.contains("hint: "), "{name}: {output:?}");
        let metadata = precious.metadata().unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.uid(), metadata.len()), (0o644, 0, 7), "{name}");
        fs::remove_file(&planted).unwrap();
        if was_there {
            fs::rename(kept, planted).unwrap();
        }
    }
    succeed(&dir, &["user", "list"]);
}
