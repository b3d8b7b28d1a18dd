//! `counterfoil serve`: what survives a restart, and what is refused before anything is changed.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{CommandOutput, Server, counterfoil, in_dir, output_of, run, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// A data directory that does not exist yet.
fn fresh() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    (temp, dir)
}

/// A data directory of a server that has stopped.
fn used() -> (TempDir, PathBuf) {
    let (temp, dir) = fresh();
    Server::serve(&dir).stop(Signal::TERM);
    (temp, dir)
}

fn register(server: &Server) {
    let (status, answer) = server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD }));
    assert_eq!(status, 201, "{answer}");
}

fn login(server: &Server, mode: &str) -> Value {
    let (status, answer) =
        server.post("/v1/login", &json!({ "username": "ada", "password": PASSWORD, "mode": mode }));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

fn serve(dir: &Path, more: &[&str]) -> CommandOutput {
    run(&in_dir(dir, &[&["serve", "--listen", "127.0.0.1:0"], more].concat()))
}

/// The names and contents of all files in `dir`.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(&path).unwrap_or_default())).collect()
}

/// Whether the output is only one `error:` line and one `hint:` line.
fn is_error_with_hint(output: &CommandOutput) -> bool {
    let lines: Vec<&str> = output.stderr.lines().collect();
    output.stdout.is_empty()
        && matches!(lines[..], [error, hint] if error.starts_with("error: ") && hint.starts_with("hint: "))
}

/// Asserts that the server refuses the directory with one error, and changes nothing in it.
fn assert_refused_and_unchanged(dir: &Path, what: &str) {
    let before = contents(dir);

    let output = serve(dir, &[]);

    assert_eq!(output.status, 1, "{what}: {output:?}");
    assert!(is_error_with_hint(&output), "{what}: {output:?}");
    assert_eq!(contents(dir), before, "{what}");
}

#[test]
fn every_login_survives_a_restart() {
    let (_temp, dir) = fresh();
    let server = Server::serve(&dir);
    let port = server.port();
    register(&server);
    let [session, jwt, hybrid] = ["session", "jwt", "hybrid"].map(|mode| login(&server, mode));
    assert!(server.stop(Signal::TERM).success());

    let server = Server::serve_on(&dir, port);

    for token in [text(&session, "session_token"), text(&jwt, "access_token"), text(&hybrid, "access_token")]
    {
        let (status, me) = server.get("/v1/me", token);
        assert_eq!((status, text(&me["user"], "username")), (200, "ada"));
    }
    let (status, pair) =
        server.post("/v1/refresh", &json!({ "refresh_token": text(&hybrid, "refresh_token") }));
    assert_eq!(status, 200, "{pair}");
    assert_eq!(server.get("/v1/me", text(&pair, "access_token")).0, 200);
}

/// Serves `dir` with a grace period of one second for used refresh tokens.
fn serve_with_short_grace(dir: &Path) -> Server {
    let mut command = counterfoil(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
    command.env("COUNTERFOIL_REFRESH_REUSE_GRACE", "1s").env("COUNTERFOIL_ISSUER", "http://localhost:8080");
    Server::start(&mut command, &dir.with_extension("log"))
}

#[test]
fn a_used_refresh_token_is_valid_again_after_a_crash_but_not_after_a_clean_restart() {
    for (is_clean, expected) in [(false, 200), (true, 401)] {
        let (_temp, dir) = fresh();
        let server = serve_with_short_grace(&dir);
        register(&server);
        let used = text(&login(&server, "hybrid"), "refresh_token").to_owned();
        let refresh =
            |server: &Server| server.post("/v1/refresh", &json!({ "refresh_token": used.as_str() })).0;
        assert_eq!(refresh(&server), 200);
        if is_clean {
            assert!(server.stop(Signal::TERM).success());
        } else {
            server.crash();
        }
        // Longer than the grace period.
        std::thread::sleep(Duration::from_millis(1100));

        let server = serve_with_short_grace(&dir);

        assert_eq!(refresh(&server), expected, "after a clean shutdown: {is_clean}");
    }
}

#[test]
fn acknowledged_changes_survive_a_crash() {
    let (_temp, dir) = fresh();
    let server = Server::serve(&dir);
    let port = server.port();
    register(&server);
    let [kept, ended] =
        ["session", "session"].map(|mode| text(&login(&server, mode), "session_token").to_owned());
    let logout = server.curl("/v1/logout", &["-X", "POST", "-H", &format!("Authorization: Bearer {ended}")]);
    assert_eq!(logout.0, 204);
    server.crash();

    let server = Server::serve_on(&dir, port);

    assert_eq!(server.get("/v1/me", &kept).0, 200);
    assert_eq!(server.get("/v1/me", &ended).0, 401);
}

#[test]
fn only_the_owner_can_read_the_data_directory() {
    let (_temp, dir) = fresh();
    let _server = Server::serve(&dir);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for name in ["master-key", "admin.sock"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
}

#[test]
fn sigterm_and_sigint_stop_the_server_normally() {
    let (_temp, dir) = fresh();
    for signal in [Signal::TERM, Signal::INT] {
        let status = Server::serve(&dir).stop(signal);

        assert!(status.success(), "{signal:?}: {status}");
        assert!(!dir.join("admin.sock").exists());
    }
}

#[test]
fn a_second_server_is_refused_and_changes_nothing() {
    let (_temp, dir) = fresh();
    let server = Server::serve(&dir);
    register(&server);

    assert_refused_and_unchanged(&dir, "a second server");
    login(&server, "session");
}

#[test]
fn a_file_that_is_not_a_database_is_refused_and_not_changed() {
    let mut foreign = b"SQLite format 3\0".to_vec();
    foreign.resize(4096, 7);
    for (what, bytes) in
        [("a text", b"hello world, this is no database".to_vec()), ("a damaged one", foreign)]
    {
        let (_temp, dir) = used();
        fs::write(dir.join("counterfoil.db"), bytes).unwrap();
        for rest in ["counterfoil.db-wal", "counterfoil.db-shm"] {
            // They belong to the former database, if they exist.
            let _ = fs::remove_file(dir.join(rest));
        }

        assert_refused_and_unchanged(&dir, what);
    }
}

#[test]
fn a_database_of_another_program_or_of_a_newer_version_is_refused_and_not_changed() {
    // Where SQLite keeps the application id and the user version in the first page.
    for (what, range) in [("foreign", 68..72), ("newer", 60..64)] {
        let (_temp, dir) = used();
        let database = dir.join("counterfoil.db");
        let mut bytes = fs::read(&database).unwrap();
        bytes[range].copy_from_slice(&[0, 0, 7, 7]);
        fs::write(&database, bytes).unwrap();

        assert_refused_and_unchanged(&dir, what);
    }
}

#[test]
fn an_unusable_master_key_is_one_error() {
    for (what, damage) in [
        ("is gone", (|key: &Path| fs::remove_file(key).unwrap()) as fn(&Path)),
        ("is short", |key| fs::write(key, "abc").unwrap()),
        ("is another", |key| fs::write(key, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\n").unwrap()),
        ("is open to others", |key| fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap()),
        ("is a directory", |key| {
            fs::remove_file(key).unwrap();
            fs::create_dir(key).unwrap();
        }),
    ] {
        let (_temp, dir) = used();
        damage(&dir.join("master-key"));

        assert_refused_and_unchanged(&dir, what);
    }
}

#[test]
fn a_master_key_from_the_environment_needs_no_file_and_is_never_shown() {
    let (_temp, dir) = fresh();
    let start = |key: &str| {
        let mut command = counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0"]));
        command.env("COUNTERFOIL_MASTER_KEY", key);
        command
    };
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    assert!(Server::start(&mut start(key), &dir.with_extension("log")).stop(Signal::TERM).success());
    assert!(!dir.join("master-key").exists());

    let wrong = output_of(start("c2VjcmV0LW9mLXRoZS13cm9uZy1sZW5ndGg").output().unwrap());

    assert_eq!(wrong.status, 1, "{wrong:?}");
    assert!(is_error_with_hint(&wrong) && !wrong.stderr.contains("c2VjcmV0"), "{wrong:?}");
}

#[test]
fn arguments_are_validated_before_anything_is_created() {
    for wrong in [
        &["--issuer", "http://auth.example"][..],
        &["--issuer", "https://auth.example/"],
        &["--issuer", "auth.example"],
        &["--store", "mysql:auth"],
        &["--refresh-reuse-grace", "-1"],
        &["--registration", "maybe"],
        &["--listen", "0.0.0.0:0"],
        &["--listen", "0.0.0.0:0", "--issuer", "http://localhost:3000"],
        &["--no-such-option"],
        &["and-no-such-argument"],
    ] {
        let (_temp, dir) = fresh();

        let output = serve(&dir, wrong);

        assert_eq!(output.status, 2, "{wrong:?}: {output:?}");
        assert!(output.stderr.starts_with("error: "), "{wrong:?}: {output:?}");
        assert!(!dir.exists(), "{wrong:?}");
    }
}

#[test]
fn a_data_directory_without_a_parent_is_an_error() {
    let (_temp, dir) = fresh();

    let output = serve(&dir.join("deep"), &[]);

    assert_eq!(output.status, 1, "{output:?}");
    assert!(is_error_with_hint(&output), "{output:?}");
    assert!(!dir.exists());
}

#[test]
fn an_operator_adds_users_also_if_registration_is_closed() {
    let (temp, dir) = fresh();
    let mut command =
        counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0", "--registration", "closed"]));
    let server = Server::start(&mut command, &dir.with_extension("log"));
    let file = temp.path().join("password");
    fs::write(&file, PASSWORD).unwrap();

    let (status, _) = server.post("/v1/register", &json!({ "username": "eve", "password": PASSWORD }));
    succeed(&dir, &["user", "add", "ada", "--password-file", file.to_str().unwrap()]);

    assert!((400..500).contains(&status), "{status}");
    login(&server, "session");
}

#[test]
fn the_limit_of_open_files_is_raised_to_the_maximum() {
    let (_temp, dir) = fresh();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 256; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_counterfoil")]);
    command.args(in_dir(&dir, &["serve", "--listen", "127.0.0.1:0"]));

    let server = Server::start(&mut command, &dir.with_extension("log"));

    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = [3, 4].map(|at| line.split_whitespace().nth(at).unwrap());
    assert_eq!(soft, hard, "{line}");
    assert_ne!(soft, "256", "the hard limit is as low as the soft limit, so the test shows nothing");
}
