//! `counterfoil key rekey`: replaces the master key with and without a server, also if it is killed at any moment.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, run, succeed};

const PASSWORD: &str = "correct horse battery staple";
/// How often a rekey with a server and one without are killed.
const ROUNDS: u32 = 12;

/// A data directory with a user.
fn with_ada() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("data"), temp.path().join("password"));
    fs::write(&file, PASSWORD).unwrap();
    succeed(&dir, &["user", "add", "ada", "--password-file", file.to_str().unwrap()]);
    (temp, dir)
}

/// A session token and a refresh token, which must stay valid.
struct Credentials {
    session: String,
    refresh: String,
}

impl Credentials {
    fn log_in(server: &Server) -> Self {
        let login = |mode: &str| {
            let body = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
            server.post("/v1/login", &body).1
        };
        let text = |login: &Value, name: &str| login[name].as_str().unwrap().to_owned();
        Self {
            session: text(&login("session"), "session_token"),
            refresh: text(&login("hybrid"), "refresh_token"),
        }
    }

    fn assert_valid(&mut self, server: &Server) {
        assert_eq!(server.get("/v1/me", &self.session).0, 200);
        let (status, pair) = server.post("/v1/refresh", &json!({ "refresh_token": self.refresh }));
        assert_eq!(status, 200, "{pair}");
        self.refresh = pair["refresh_token"].as_str().unwrap().to_owned();
    }
}

fn master_key(dir: &Path) -> String {
    fs::read_to_string(dir.join("master-key")).unwrap()
}

/// A delay; those of all rounds cover the duration of a rekey.
fn delay(round: u32) -> Duration {
    Duration::from_micros(u64::from(round) * 60_000 / u64::from(ROUNDS))
}

#[test]
fn a_master_key_is_replaced_with_and_without_a_server() {
    let (temp, dir) = with_ada();
    let server = Server::serve(&dir);
    let mut credentials = Credentials::log_in(&server);
    let first = master_key(&dir);

    let output = run(&in_dir(&dir, &["key", "rekey"]));

    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stderr.contains("hint: keep "), "{output:?}");
    assert_ne!(master_key(&dir), first);
    credentials.assert_valid(&server);
    assert!(server.stop(Signal::TERM).success());
    let exposed = temp.path().join("exposed");
    fs::write(&exposed, &first).unwrap();
    let refused = run(&in_dir(&dir, &["key", "rekey", "--new-master-key-file", exposed.to_str().unwrap()]));
    assert_eq!(refused.status, 1, "a file that others can read is refused: {refused:?}");
    assert!(refused.stderr.contains("hint: "), "{refused:?}");
    succeed(&dir, &["key", "rekey", "--json"]);
    credentials.assert_valid(&Server::serve(&dir));
}

#[test]
fn a_rekey_that_is_killed_at_any_moment_leaves_a_store_that_opens_and_logs_no_user_out() {
    let (_temp, dir) = with_ada();
    let mut server = Server::serve(&dir);
    let mut credentials = Credentials::log_in(&server);
    let mut replaced = 0;
    for round in 0..ROUNDS * 2 {
        let before = master_key(&dir);
        let mut command = counterfoil(&in_dir(&dir, &["key", "rekey"]));
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        if round % 2 == 0 {
            // The server does it, and is killed.
            let mut client = command.spawn().unwrap();
            sleep(delay(round / 2));
            server.crash();
            client.wait().unwrap();
        } else {
            assert!(server.stop(Signal::TERM).success());
            let mut rekey = command.spawn().unwrap();
            sleep(delay(round / 2));
            rekey.kill().unwrap();
            rekey.wait().unwrap();
        }

        server = Server::serve(&dir);
        credentials.assert_valid(&server);
        replaced += u32::from(master_key(&dir) != before);
        assert!(
            !dir.join("master-key.next").exists(),
            "round {round}: the next start completes or reverts it"
        );
    }
    println!("killed {} times; the master key was replaced {replaced} times", ROUNDS * 2);
    succeed(&dir, &["key", "rekey"]);
    credentials.assert_valid(&server);
}
