//! Full disks, read-only files and damaged databases: the binary reports them and loses nothing.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use counterfoil_fault_injection::check::{ReuseGrace, check};
use counterfoil_fault_injection::disk::failure::{Call, InjectedFailure};
use counterfoil_fault_injection::disk::shim::Shim;
use counterfoil_fault_injection::history::History;
use counterfoil_fault_injection::http::{Request, Response, send};
use counterfoil_fault_injection::model::Model;
use counterfoil_fault_injection::program::{LaunchConfig, Program, StartResult, is_single_error_message};
use counterfoil_fault_injection::rng::Rng;
use counterfoil_fault_injection::server::Server;
use counterfoil_fault_injection::workload::Workload;
use rustix::process::Signal;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";
const USERS: [&str; 5] = ["ada", "bob", "cyd", "dot", "eve"];
/// A user that owns no file of the test.
const OTHER_UID: u32 = 65_534;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_counterfoil"))
}

fn register(server: &Server, name: &str) -> Response {
    let body = json!({ "username": name, "password": PASSWORD });
    send(server.address, &Request::post("/v1/register").json(&body)).unwrap()
}

fn log_in(server: &Server, name: &str, mode: &str) -> Response {
    let body = json!({ "username": name, "password": PASSWORD, "mode": mode });
    send(server.address, &Request::post("/v1/login").json(&body)).unwrap()
}

fn text(response: &Response, name: &str) -> String {
    response.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", response.json())).to_owned()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A data directory in `temp` with some users, whose server has stopped normally.
fn data_dir(temp: &Path) -> PathBuf {
    let dir = temp.join("original");
    let server = program().start(&LaunchConfig::new(&dir)).unwrap();
    for name in USERS {
        assert_eq!(register(&server, name).status, 201);
        assert_eq!(log_in(&server, name, "hybrid").status, 200);
    }
    server.send_signal(Signal::TERM).unwrap();
    assert!(server.wait_for_exit(Duration::from_secs(10)).unwrap().0.success());
    dir
}

/// Copies `dir`.
fn copy(dir: &Path, name: &str) -> PathBuf {
    let to = dir.with_file_name(name);
    fs::create_dir(&to).unwrap();
    fs::set_permissions(&to, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to
}

/// Starts a server, and expects that it exits with one error.
fn assert_refused(config: &LaunchConfig, what: &str) -> String {
    match program().try_start(config).unwrap() {
        StartResult::Serving(_) => panic!("{what}: the server starts"),
        StartResult::Exited { status, stderr } => {
            assert_eq!(status.code(), Some(1), "{what}: {stderr}");
            assert!(is_single_error_message(&stderr), "{what}: {stderr}");
            stderr
        }
    }
}

/// A mounted small file system; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"]).arg(at).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Fills the file system.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = File::create(&ballast).unwrap();
        for size in [64 * 1024, 4 * 1024, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_stops_only_writes_until_there_is_space_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let Some(disk) = SmallDisk::mount(&dir) else {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    };
    let server = program().start(&LaunchConfig::new(&dir)).unwrap();
    let admin = program().create_admin_key(&LaunchConfig::new(&dir)).unwrap();
    assert_eq!(register(&server, "ada").status, 201);
    let kept = text(&log_in(&server, "ada", "session"), "session_token");
    let ended = text(&log_in(&server, "ada", "session"), "session_token");
    let pair = log_in(&server, "ada", "hybrid");
    let me = |token: &str| send(server.address, &Request::get("/v1/me").bearer(token)).unwrap().status;
    assert_eq!(me(&kept), 200);
    let history = Arc::new(History::default());
    let workload = Workload::start(2, server.address, &admin, &history, 7);
    sleep(Duration::from_millis(200));

    let ballast = disk.fill();
    let until_full = Instant::now();
    let mut late = log_in(&server, "ada", "session");
    while late.is_success() {
        late = log_in(&server, "ada", "session");
        assert!(until_full.elapsed() < Duration::from_secs(10), "the disk is not full");
    }
    assert!(late.is_retryable_503(), "{}", late.status);
    let late = register(&server, "bob");
    assert!(late.is_success() || late.is_retryable_503(), "{}", late.status);
    // A small write may still succeed, and is durable then. Otherwise it is rejected, and nothing has changed.
    let refresh =
        Request::post("/v1/refresh").json(&json!({ "refresh_token": text(&pair, "refresh_token") }));
    let refreshed = send(server.address, &refresh).unwrap();
    assert!(refreshed.is_success() || refreshed.is_retryable_503(), "{}", refreshed.status);
    for token in [&kept, &text(&pair, "access_token")] {
        assert_eq!(me(token), 200, "active sessions stay active");
    }
    let logout = send(server.address, &Request::post("/v1/logout").bearer(&ended)).unwrap();
    assert!(logout.is_success() || logout.is_retryable_503(), "{}", logout.status);
    let expected = if logout.is_success() { 401 } else { 200 };
    assert_eq!(me(&ended), expected, "a session has ended if and only if the logout succeeded");

    fs::remove_file(ballast).unwrap();
    let freed = Instant::now();
    while !log_in(&server, "ada", "session").is_success() {
        assert!(
            freed.elapsed() < Duration::from_secs(5),
            "writes do not recover: {}",
            server.stderr().unwrap()
        );
        sleep(Duration::from_millis(20));
    }
    let took = freed.elapsed();
    assert_eq!(send(server.address, &refresh).unwrap().status, 200);
    assert_eq!(send(server.address, &Request::post("/v1/logout").bearer(&ended)).unwrap().status, 204);
    assert_eq!(me(&ended), 401);
    sleep(Duration::from_millis(200));
    workload.stop();
    assert_eq!(history.unexpected_responses(), [""; 0]);
    let found = check(&mut Model::from_history(&history), server.address, ReuseGrace::Enabled, 7).unwrap();
    println!(
        "recovered in {took:?}; {} operations acknowledged meanwhile; {found:?}",
        history.acknowledged_count()
    );
    assert!(found.violations.is_empty(), "{:?}", found.violations);
}

#[test]
fn writes_recover_after_a_file_could_not_grow_for_a_moment() {
    const NO_SPACE: i32 = 28;
    let temp = tempfile::tempdir().unwrap();
    let shim = Shim::compile(temp.path()).unwrap();
    for (on, at, count) in [("-wal", 20, 1), ("-wal", 31, 3), ("-wal", 64, 10), ("counterfoil.db", 4, 5)] {
        let dir = temp.path().join(format!("data{on}{at}"));
        let failure =
            InjectedFailure { call: Call::Write, first: at, count, errno: NO_SPACE, file_suffix: on };
        let server = program().start(&shim.with_failure(LaunchConfig::new(&dir), failure)).unwrap();
        let admin = program().create_admin_key(&LaunchConfig::new(&dir)).unwrap_or_default();
        let history = Arc::new(History::default());
        let workload = Workload::start(2, server.address, &admin, &history, 3);
        sleep(Duration::from_millis(600));
        workload.stop();

        assert!(
            matches!(register(&server, "ada").status, 201 | 409),
            "{on} {at}: {}",
            server.stderr().unwrap()
        );
        assert_eq!(log_in(&server, "ada", "session").status, 200, "{on} {at}");
        let found =
            check(&mut Model::from_history(&history), server.address, ReuseGrace::Enabled, 3).unwrap();
        assert!(found.violations.is_empty(), "{on} {at}: {:?}", found.violations);
        assert!(found.accounts > 0);
    }
}

#[test]
fn a_database_with_a_flipped_bit_is_refused_or_served() {
    const OFFSETS: usize = 60;
    let temp = tempfile::tempdir().unwrap();
    let dir = data_dir(temp.path());
    let intact = fs::read(dir.join("counterfoil.db")).unwrap();
    let (mut rng, mut refusals) = (Rng::from_seed(1), 0);
    for number in 0..OFFSETS {
        let damaged = copy(&dir, &format!("flipped-{number}"));
        let mut bytes = intact.clone();
        // Every second one in the header of a page.
        let at = if number % 2 == 0 {
            rng.below(bytes.len())
        } else {
            rng.below(bytes.len() / 4096) * 4096 + rng.below(64)
        };
        bytes[at] ^= 1 << rng.below(8);
        fs::write(damaged.join("counterfoil.db"), bytes).unwrap();

        match program().try_start(&LaunchConfig::new(&damaged)).unwrap() {
            StartResult::Exited { status, stderr } => {
                refusals += 1;
                assert_eq!(status.code(), Some(1), "at {at}: {stderr}");
                assert!(is_single_error_message(&stderr), "at {at}: {stderr}");
            }
            StartResult::Serving(server) => {
                let statuses = USERS.map(|name| log_in(&server, name, "session").status);
                assert!(
                    statuses.iter().all(|status| matches!(status, 200 | 401 | 503)),
                    "at {at}: {statuses:?}"
                );
                let lost = statuses.iter().filter(|status| **status == 401).count();
                assert!(lost <= 1, "at {at}: one bit made {lost} users unknown");
                assert!(!server.stderr().unwrap().contains("panicked"), "at {at}");
            }
        }
        fs::remove_dir_all(damaged).unwrap();
    }
    println!("of {OFFSETS} databases {refusals} were refused at the start");
}

#[test]
fn a_truncated_database_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = data_dir(temp.path());
    let intact = fs::read(dir.join("counterfoil.db")).unwrap();
    let half = intact.len() / 2;
    for length in [
        0,
        1,
        99,
        100,
        512,
        4095,
        4096,
        8192,
        half / 4096 * 4096,
        half + 1,
        intact.len() - 4096,
        intact.len() - 1,
    ] {
        let damaged = copy(&dir, &format!("cut-{length}"));
        fs::write(damaged.join("counterfoil.db"), &intact[..length]).unwrap();

        assert_refused(&LaunchConfig::new(&damaged), &format!("cut to {length}"));

        assert_eq!(
            fs::metadata(damaged.join("counterfoil.db")).unwrap().len(),
            length as u64,
            "the file is not changed"
        );
    }
}

#[test]
fn a_database_that_cannot_be_written_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = data_dir(temp.path());
    for (file, mode) in [("counterfoil.db", 0o400), (".", 0o500)] {
        let read_only = copy(&dir, &format!("mode-{mode:o}"));
        fs::set_permissions(read_only.join(file), Permissions::from_mode(mode)).unwrap();

        let stderr = assert_refused(&LaunchConfig::new(&read_only), file);

        assert!(stderr.contains("cannot be written"), "{stderr}");
        fs::set_permissions(read_only.join(file), Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn files_of_another_user_are_refused_and_not_changed() {
    if !is_root() {
        counterfoil_test_support::skip("only root can start the server as another user");
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
    let binary = temp.path().join("counterfoil");
    fs::copy(env!("CARGO_BIN_EXE_counterfoil"), &binary).unwrap();
    let foreign = data_dir(temp.path());
    let mixed = copy(&foreign, "mixed");
    chown(&mixed, Some(OTHER_UID), Some(OTHER_UID)).unwrap();
    for dir in [&foreign, &mixed] {
        let config = LaunchConfig::new(dir).with_uid(OTHER_UID);
        let StartResult::Exited { status, stderr } = Program::new(&binary).try_start(&config).unwrap() else {
            panic!("the server starts with files of another user");
        };

        assert_eq!(status.code(), Some(1), "{stderr}");
        assert!(is_single_error_message(&stderr), "{stderr}");
    }
    let server = program().start(&LaunchConfig::new(&foreign)).unwrap();
    assert_eq!(log_in(&server, "ada", "session").status, 200, "the files were not changed");
}
