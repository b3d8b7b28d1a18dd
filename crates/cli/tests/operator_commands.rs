//! The commands of an operator, with and without a server.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, in_dir, run, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// A data directory that does not exist yet, and a file with a password and a newline.
fn fresh() -> (TempDir, PathBuf, String) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let file = temp.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    (temp, dir, file.to_str().unwrap().to_owned())
}

fn login(server: &Server, username: &str, more: &[&str]) -> (u16, Value) {
    let body = json!({ "username": username, "password": PASSWORD }).to_string();
    server.curl("/v1/login", &[&["-H", "Content-Type: application/json", "-d", &body], more].concat())
}

fn json_of(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(dir, arguments)).unwrap()
}

#[test]
fn a_user_is_added_with_and_without_a_server() {
    let (_temp, dir, password) = fresh();
    succeed(&dir, &["user", "add", "ada", "--role", "admin", "--password-file", &password]);
    let server = Server::serve(&dir);
    succeed(&dir, &["user", "add", "bob", "--email", "bob@example.org", "--password-file", &password]);

    assert_eq!(login(&server, "ada", &[]).0, 200);
    assert_eq!(login(&server, "bob", &[]).0, 200);
    let while_serving = json_of(&dir, &["user", "list", "--json"]);
    assert!(server.stop(Signal::TERM).success());
    assert_eq!(json_of(&dir, &["user", "list", "--json"]), while_serving);

    let users = while_serving["users"].as_array().unwrap();
    assert_eq!(
        users.iter().map(|user| user["username"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ada", "bob"]
    );
    assert_eq!((&users[0]["roles"], &users[1]["email"]), (&json!(["admin"]), &json!("bob@example.org")));
}

#[test]
fn an_existing_or_invalid_username_is_refused_with_the_reason() {
    let (_temp, dir, password) = fresh();
    succeed(&dir, &["user", "add", "ada", "--password-file", &password]);

    for name in ["ADA", "a@b", ""] {
        let output = run(&in_dir(&dir, &["user", "add", name, "--password-file", &password]));
        assert_eq!(output.status, 1, "{name}: {output:?}");
        assert!(output.stderr.starts_with("error: ") && output.stdout.is_empty(), "{name}: {output:?}");
    }
}

#[test]
fn a_password_is_never_an_argument_and_never_generated() {
    let (_temp, dir, _) = fresh();

    let without_terminal = run(&in_dir(&dir, &["user", "add", "ada"]));
    let as_argument = run(&in_dir(&dir, &["user", "add", "ada", "--password", PASSWORD]));

    assert_eq!((without_terminal.status, as_argument.status), (2, 2));
    assert!(without_terminal.stderr.contains("--password-file"), "{without_terminal:?}");
    assert!(!dir.exists());
}

#[test]
fn a_revoked_session_is_rejected_at_once() {
    let (_temp, dir, password) = fresh();
    let server = Server::serve(&dir);
    succeed(&dir, &["user", "add", "ada", "--password-file", &password]);
    let [first, second] = [(), ()].map(|()| login(&server, "ada", &[]).1);
    let id = first["session"]["id"].as_str().unwrap();
    assert_eq!(json_of(&dir, &["session", "list", "ada", "--json"])["sessions"].as_array().unwrap().len(), 2);

    assert_eq!(succeed(&dir, &["session", "revoke", id]), "revoked 1\n");

    assert_eq!(server.get("/v1/me", first["session_token"].as_str().unwrap()).0, 401);
    assert_eq!(server.get("/v1/me", second["session_token"].as_str().unwrap()).0, 200);
    assert_eq!(succeed(&dir, &["session", "revoke", "--user", "ada"]), "revoked 1\n");
    assert_eq!(server.get("/v1/me", second["session_token"].as_str().unwrap()).0, 401);
}

#[test]
fn text_of_clients_cannot_control_the_terminal() {
    let (_temp, dir, password) = fresh();
    let server = Server::serve(&dir);
    succeed(&dir, &["user", "add", "ada", "--password-file", &password]);
    login(&server, "ada", &["-A", "evil\u{202e}\u{9b}2J"]);

    for format in [&["session", "list", "ada"][..], &["session", "list", "ada", "--json"]] {
        let shown = succeed(&dir, format);
        assert!(shown.contains("evil"), "{shown:?}");
        assert!(!shown.chars().any(|c| c == '\u{202e}' || (c.is_control() && c != '\n')), "{shown:?}");
    }
}

#[test]
fn a_backup_needs_no_server() {
    let (temp, dir, password) = fresh();
    succeed(&dir, &["user", "add", "ada", "--password-file", &password]);

    succeed(&dir, &["backup", temp.path().join("copy.db").to_str().unwrap()]);

    assert!(temp.path().join("copy.db").metadata().unwrap().len() > 0);
}

#[test]
fn commands_that_only_read_create_no_store() {
    let (temp, dir, _) = fresh();
    let file = temp.path().join("copy.db");

    for command in [
        &["user", "list"][..],
        &["session", "list", "ada"],
        &["backup", file.to_str().unwrap()],
        &["clock", "accept"],
    ] {
        let output = run(&in_dir(&dir, command));
        assert_eq!(output.status, 1, "{command:?}: {output:?}");
        assert!(output.stderr.contains("\nhint: "), "{command:?}: {output:?}");
        assert!(!dir.exists() && !file.exists(), "{command:?}");
    }
}

#[test]
fn the_clock_is_accepted_with_and_without_a_server() {
    let (_temp, dir, _) = fresh();
    let server = Server::serve(&dir);
    assert!(succeed(&dir, &["clock", "accept"]).starts_with("accepted 2"));
    server.stop(Signal::TERM);

    assert!(succeed(&dir, &["clock", "accept"]).starts_with("accepted 2"));
}
