//! A disk that is full, cannot be written, or holds something damaged: the real binary says so, and loses nothing.

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
/// Whoever owns nothing here.
const NOBODY: u32 = 65_534;

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

/// A data directory in `place` with some users, closed in good order.
fn used(place: &Path) -> PathBuf {
    let dir = place.join("used");
    let server = program().start(&LaunchConfig::new(&dir)).unwrap();
    for name in USERS {
        assert_eq!(register(&server, name).status, 201);
        assert_eq!(log_in(&server, name, "hybrid").status, 200);
    }
    server.send_signal(Signal::TERM).unwrap();
    assert!(server.wait_for_exit(Duration::from_secs(10)).unwrap().0.success());
    dir
}

/// Another copy of `dir`.
fn copy(dir: &Path, name: &str) -> PathBuf {
    let to = dir.with_file_name(name);
    fs::create_dir(&to).unwrap();
    fs::set_permissions(&to, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    to
}

/// Starts it, and expects one clear error.
fn refused(plan: &LaunchConfig, what: &str) -> String {
    match program().try_start(plan).unwrap() {
        StartResult::Serving(_) => panic!("{what}: it serves"),
        StartResult::Exited { status, stderr } => {
            assert_eq!(status.code(), Some(1), "{what}: {stderr}");
            assert!(is_single_error_message(&stderr), "{what}: {stderr}");
            stderr
        }
    }
}

/// A small disk of its own; gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"]).arg(at).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Writes until nothing more can be written.
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
fn a_full_disk_stops_writes_alone_and_space_brings_them_back() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let Some(disk) = SmallDisk::mount(&dir) else {
        counterfoil_test_support::skip("a file system cannot be mounted here");
        return;
    };
    let server = program().start(&LaunchConfig::new(&dir)).unwrap();
    let admin = program().create_admin_key(&LaunchConfig::new(&dir)).unwrap();
    assert_eq!(register(&server, "ada").status, 201);
    let kept = text(&log_in(&server, "ada", "session"), "session_token");
    let going = text(&log_in(&server, "ada", "session"), "session_token");
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
    // What is small may still find room: then it is there for good. Else it is refused, and nothing has changed.
    let refresh =
        Request::post("/v1/refresh").json(&json!({ "refresh_token": text(&pair, "refresh_token") }));
    let refreshed = send(server.address, &refresh).unwrap();
    assert!(refreshed.is_success() || refreshed.is_retryable_503(), "{}", refreshed.status);
    for token in [&kept, &text(&pair, "access_token")] {
        assert_eq!(me(token), 200, "who is in stays in");
    }
    let logout = send(server.address, &Request::post("/v1/logout").bearer(&going)).unwrap();
    assert!(logout.is_success() || logout.is_retryable_503(), "{}", logout.status);
    let standing = if logout.is_success() { 401 } else { 200 };
    assert_eq!(me(&going), standing, "a session is ended exactly if the logout says so");

    fs::remove_file(ballast).unwrap();
    let freed = Instant::now();
    while !log_in(&server, "ada", "session").is_success() {
        assert!(
            freed.elapsed() < Duration::from_secs(5),
            "it does not recover: {}",
            server.stderr().unwrap()
        );
        sleep(Duration::from_millis(20));
    }
    let took = freed.elapsed();
    assert_eq!(send(server.address, &refresh).unwrap().status, 200);
    assert_eq!(send(server.address, &Request::post("/v1/logout").bearer(&going)).unwrap().status, 204);
    assert_eq!(me(&going), 401);
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
fn a_file_that_cannot_grow_for_a_moment_costs_that_moment() {
    const NO_SPACE: i32 = 28;
    let place = tempfile::tempdir().unwrap();
    let shim = Shim::compile(place.path()).unwrap();
    for (on, at, count) in [("-wal", 20, 1), ("-wal", 31, 3), ("-wal", 64, 10), ("counterfoil.db", 3, 5)] {
        let dir = place.path().join(format!("data{on}{at}"));
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
fn a_database_with_a_byte_flipped_anywhere_is_refused_or_served_to_its_users() {
    const OFFSETS: usize = 60;
    let place = tempfile::tempdir().unwrap();
    let dir = used(place.path());
    let whole = fs::read(dir.join("counterfoil.db")).unwrap();
    let (mut rng, mut refusals) = (Rng::from_seed(1), 0);
    for number in 0..OFFSETS {
        let damaged = copy(&dir, &format!("flipped-{number}"));
        let mut bytes = whole.clone();
        // Every other one at the beginning of a page, where its structure is.
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
                assert!(lost <= 1, "at {at}: one byte cost {lost} users");
                assert!(!server.stderr().unwrap().contains("panicked"), "at {at}");
            }
        }
        fs::remove_dir_all(damaged).unwrap();
    }
    println!("of {OFFSETS} flipped bytes {refusals} were refused at the start");
}

#[test]
fn a_database_that_was_cut_off_is_refused_at_every_length() {
    let place = tempfile::tempdir().unwrap();
    let dir = used(place.path());
    let whole = fs::read(dir.join("counterfoil.db")).unwrap();
    let half = whole.len() / 2;
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
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        let damaged = copy(&dir, &format!("cut-{length}"));
        fs::write(damaged.join("counterfoil.db"), &whole[..length]).unwrap();

        refused(&LaunchConfig::new(&damaged), &format!("cut to {length}"));

        assert_eq!(
            fs::metadata(damaged.join("counterfoil.db")).unwrap().len(),
            length as u64,
            "it stays as it is"
        );
    }
}

#[test]
fn what_may_not_be_written_is_refused_with_its_name() {
    let place = tempfile::tempdir().unwrap();
    let dir = used(place.path());
    for (file, mode) in [("counterfoil.db", 0o400), (".", 0o500)] {
        let closed = copy(&dir, &format!("mode-{mode:o}"));
        fs::set_permissions(closed.join(file), Permissions::from_mode(mode)).unwrap();

        let stderr = refused(&LaunchConfig::new(&closed), file);

        assert!(stderr.contains("cannot be written"), "{stderr}");
        fs::set_permissions(closed.join(file), Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn files_of_another_user_are_refused_and_left_alone() {
    if !is_root() {
        counterfoil_test_support::skip("only root can start the server as another user");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let binary = place.path().join("counterfoil");
    fs::copy(env!("CARGO_BIN_EXE_counterfoil"), &binary).unwrap();
    let theirs = used(place.path());
    let mixed = copy(&theirs, "mixed");
    chown(&mixed, Some(NOBODY), Some(NOBODY)).unwrap();
    for dir in [&theirs, &mixed] {
        let plan = LaunchConfig::new(dir).with_uid(NOBODY);
        let StartResult::Exited { status, stderr } = Program::new(&binary).try_start(&plan).unwrap() else {
            panic!("it serves what belongs to somebody else");
        };

        assert_eq!(status.code(), Some(1), "{stderr}");
        assert!(is_single_error_message(&stderr), "{stderr}");
    }
    let server = program().start(&LaunchConfig::new(&theirs)).unwrap();
    assert_eq!(log_in(&server, "ada", "session").status, 200, "it was left alone");
}
