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

use counterfoil_fault_injection::check::{Grace, check};
use counterfoil_fault_injection::clients::Clients;
use counterfoil_fault_injection::dice::Dice;
use counterfoil_fault_injection::disk::shim::{Call, Failure, Shim};
use counterfoil_fault_injection::http::{Answer, Request, ask};
use counterfoil_fault_injection::ledger::Ledger;
use counterfoil_fault_injection::program::{Plan, Program, Server, Start, is_one_clear_error};
use counterfoil_fault_injection::promise::Promise;
use rustix::process::Signal;
use serde_json::json;

const PASSWORD: &str = "correct horse battery staple";
const USERS: [&str; 5] = ["ada", "bob", "cyd", "dot", "eve"];
/// Whoever owns nothing here.
const NOBODY: u32 = 65_534;

fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_counterfoil"))
}

fn register(server: &Server, name: &str) -> Answer {
    let body = json!({ "username": name, "password": PASSWORD });
    ask(server.at, &Request::post("/v1/register").json(&body)).unwrap()
}

fn log_in(server: &Server, name: &str, mode: &str) -> Answer {
    let body = json!({ "username": name, "password": PASSWORD, "mode": mode });
    ask(server.at, &Request::post("/v1/login").json(&body)).unwrap()
}

fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", answer.json())).to_owned()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A data directory in `place` with some users, closed in good order.
fn used(place: &Path) -> PathBuf {
    let dir = place.join("used");
    let server = program().serve(&Plan::of(&dir)).unwrap();
    for name in USERS {
        assert_eq!(register(&server, name).status, 201);
        assert_eq!(log_in(&server, name, "hybrid").status, 200);
    }
    server.signal(Signal::TERM).unwrap();
    assert!(server.end_within(Duration::from_secs(10)).unwrap().0.success());
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
fn refused(plan: &Plan, what: &str) -> String {
    match program().start(plan).unwrap() {
        Start::Serves(_) => panic!("{what}: it serves"),
        Start::Refused { status, said } => {
            assert_eq!(status.code(), Some(1), "{what}: {said}");
            assert!(is_one_clear_error(&said), "{what}: {said}");
            said
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
        println!("skipped: no small disk can be mounted here");
        return;
    };
    let server = program().serve(&Plan::of(&dir)).unwrap();
    let admin = program().admin_key(&Plan::of(&dir)).unwrap();
    assert_eq!(register(&server, "ada").status, 201);
    let kept = text(&log_in(&server, "ada", "session"), "session_token");
    let going = text(&log_in(&server, "ada", "session"), "session_token");
    let pair = log_in(&server, "ada", "hybrid");
    let me = |token: &str| ask(server.at, &Request::get("/v1/me").bearer(token)).unwrap().status;
    assert_eq!(me(&kept), 200);
    let ledger = Arc::new(Ledger::default());
    let clients = Clients::send(2, server.at, &admin, &ledger, 7);
    sleep(Duration::from_millis(200));

    let ballast = disk.fill();
    let until_full = Instant::now();
    let mut late = log_in(&server, "ada", "session");
    while late.is_done() {
        late = log_in(&server, "ada", "session");
        assert!(until_full.elapsed() < Duration::from_secs(10), "the disk is not full");
    }
    assert!(late.is_clear_503(), "{}", late.status);
    let late = register(&server, "bob");
    assert!(late.is_done() || late.is_clear_503(), "{}", late.status);
    // What is small may still find room: then it is there for good. Else it is refused, and nothing has changed.
    let refresh =
        Request::post("/v1/refresh").json(&json!({ "refresh_token": text(&pair, "refresh_token") }));
    let refreshed = ask(server.at, &refresh).unwrap();
    assert!(refreshed.is_done() || refreshed.is_clear_503(), "{}", refreshed.status);
    for token in [&kept, &text(&pair, "access_token")] {
        assert_eq!(me(token), 200, "who is in stays in");
    }
    let logout = ask(server.at, &Request::post("/v1/logout").bearer(&going)).unwrap();
    assert!(logout.is_done() || logout.is_clear_503(), "{}", logout.status);
    let standing = if logout.is_done() { 401 } else { 200 };
    assert_eq!(me(&going), standing, "nothing is said to be ended that is not");

    fs::remove_file(ballast).unwrap();
    let freed = Instant::now();
    while !log_in(&server, "ada", "session").is_done() {
        assert!(freed.elapsed() < Duration::from_secs(5), "it does not recover: {}", server.said().unwrap());
        sleep(Duration::from_millis(20));
    }
    let took = freed.elapsed();
    assert_eq!(ask(server.at, &refresh).unwrap().status, 200);
    assert_eq!(ask(server.at, &Request::post("/v1/logout").bearer(&going)).unwrap().status, 204);
    assert_eq!(me(&going), 401);
    sleep(Duration::from_millis(200));
    clients.stop();
    assert_eq!(ledger.oddities(), [""; 0]);
    let found = check(&mut Promise::of(&ledger), server.at, Grace::Some, 7).unwrap();
    println!("recovered in {took:?}; {} deeds done around it; {found:?}", ledger.done());
    assert!(found.faults.is_empty(), "{:?}", found.faults);
}

#[test]
fn a_file_that_cannot_grow_for_a_moment_costs_that_moment() {
    const NO_SPACE: i32 = 28;
    let place = tempfile::tempdir().unwrap();
    let shim = Shim::compile(place.path()).unwrap();
    for (on, at, count) in [("-wal", 20, 1), ("-wal", 31, 3), ("-wal", 64, 10), ("counterfoil.db", 3, 5)] {
        let dir = place.path().join(format!("data{on}{at}"));
        let failure = Failure { of: Call::Write, at, count, with: NO_SPACE, on };
        let server = program().serve(&shim.failing(Plan::of(&dir), failure)).unwrap();
        let admin = program().admin_key(&Plan::of(&dir)).unwrap_or_default();
        let ledger = Arc::new(Ledger::default());
        let clients = Clients::send(2, server.at, &admin, &ledger, 3);
        sleep(Duration::from_millis(600));
        clients.stop();

        assert!(
            matches!(register(&server, "ada").status, 201 | 409),
            "{on} {at}: {}",
            server.said().unwrap()
        );
        assert_eq!(log_in(&server, "ada", "session").status, 200, "{on} {at}");
        let found = check(&mut Promise::of(&ledger), server.at, Grace::Some, 3).unwrap();
        assert!(found.faults.is_empty(), "{on} {at}: {:?}", found.faults);
        assert!(found.people > 0);
    }
}

#[test]
fn a_database_with_a_byte_flipped_anywhere_is_refused_or_served_to_its_users() {
    const OFFSETS: usize = 60;
    let place = tempfile::tempdir().unwrap();
    let dir = used(place.path());
    let whole = fs::read(dir.join("counterfoil.db")).unwrap();
    let (mut dice, mut refusals) = (Dice::seeded(1), 0);
    for number in 0..OFFSETS {
        let damaged = copy(&dir, &format!("flipped-{number}"));
        let mut bytes = whole.clone();
        // Every other one at the beginning of a page, where its structure is.
        let at = if number % 2 == 0 {
            dice.below(bytes.len())
        } else {
            dice.below(bytes.len() / 4096) * 4096 + dice.below(64)
        };
        bytes[at] ^= 1 << dice.below(8);
        fs::write(damaged.join("counterfoil.db"), bytes).unwrap();

        match program().start(&Plan::of(&damaged)).unwrap() {
            Start::Refused { status, said } => {
                refusals += 1;
                assert_eq!(status.code(), Some(1), "at {at}: {said}");
                assert!(is_one_clear_error(&said), "at {at}: {said}");
            }
            Start::Serves(server) => {
                let statuses = USERS.map(|name| log_in(&server, name, "session").status);
                assert!(
                    statuses.iter().all(|status| matches!(status, 200 | 401 | 503)),
                    "at {at}: {statuses:?}"
                );
                let lost = statuses.iter().filter(|status| **status == 401).count();
                assert!(lost <= 1, "at {at}: one byte cost {lost} users");
                assert!(!server.said().unwrap().contains("panicked"), "at {at}");
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

        refused(&Plan::of(&damaged), &format!("cut to {length}"));

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

        let said = refused(&Plan::of(&closed), file);

        assert!(said.contains("cannot be written"), "{said}");
        fs::set_permissions(closed.join(file), Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn files_of_another_user_are_refused_and_left_alone() {
    if !is_root() {
        println!("skipped: only root can start it as another user");
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
        let plan = Plan::of(dir).run_by(NOBODY);
        let Start::Refused { status, said } = Program::at(&binary).start(&plan).unwrap() else {
            panic!("it serves what belongs to somebody else");
        };

        assert_eq!(status.code(), Some(1), "{said}");
        assert!(is_one_clear_error(&said), "{said}");
    }
    let server = program().serve(&Plan::of(&theirs)).unwrap();
    assert_eq!(log_in(&server, "ada", "session").status, 200, "it was left alone");
}
