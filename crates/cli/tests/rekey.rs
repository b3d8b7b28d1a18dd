//! Another master key under the real binary: with and without a server, and killed at any moment.

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
/// How often each of the two is killed in the midst of it.
const ROUNDS: u32 = 12;

/// A data directory with a user.
fn with_ada() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let (dir, file) = (place.path().join("data"), place.path().join("password"));
    fs::write(&file, PASSWORD).unwrap();
    succeed(&dir, &["user", "add", "ada", "--password-file", file.to_str().unwrap()]);
    (place, dir)
}

/// A session token and a refresh token, both of which are to live through everything.
struct Held {
    session: String,
    refresh: String,
}

impl Held {
    fn by_ada(server: &Server) -> Self {
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

    fn is_alive(&mut self, server: &Server) {
        assert_eq!(server.get("/v1/me", &self.session).0, 200);
        let (status, turned) = server.post("/v1/refresh", &json!({ "refresh_token": self.refresh }));
        assert_eq!(status, 200, "{turned}");
        self.refresh = turned["refresh_token"].as_str().unwrap().to_owned();
    }
}

fn master_key(dir: &Path) -> String {
    fs::read_to_string(dir.join("master-key")).unwrap()
}

/// Delays that are spread over what a rekey takes, from just begun to just done.
fn delay(round: u32) -> Duration {
    Duration::from_micros(u64::from(round) * 60_000 / u64::from(ROUNDS))
}

#[test]
fn a_master_key_is_replaced_with_and_without_a_server() {
    let (place, dir) = with_ada();
    let server = Server::serve(&dir);
    let mut held = Held::by_ada(&server);
    let first = master_key(&dir);

    let said = run(&in_dir(&dir, &["key", "rekey"]));

    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("hint: the old one is in "), "{said:?}");
    assert_ne!(master_key(&dir), first);
    held.is_alive(&server);
    assert!(server.stop(Signal::TERM).success());
    let exposed = place.path().join("exposed");
    fs::write(&exposed, &first).unwrap();
    let refused = run(&in_dir(&dir, &["key", "rekey", "--new-master-key-file", exposed.to_str().unwrap()]));
    assert_eq!(refused.code, 1, "others can read it: {refused:?}");
    assert!(refused.err.contains("hint: "), "{refused:?}");
    succeed(&dir, &["key", "rekey", "--json"]);
    held.is_alive(&Server::serve(&dir));
}

#[test]
fn killed_at_any_moment_a_rekey_leaves_a_store_that_opens_and_nobody_logged_out() {
    let (_place, dir) = with_ada();
    let mut server = Server::serve(&dir);
    let mut held = Held::by_ada(&server);
    let mut replaced = 0;
    for round in 0..ROUNDS * 2 {
        let before = master_key(&dir);
        let mut command = counterfoil(&in_dir(&dir, &["key", "rekey"]));
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        if round % 2 == 0 {
            // The server does it, and dies of it.
            let mut asking = command.spawn().unwrap();
            sleep(delay(round / 2));
            server.crash();
            asking.wait().unwrap();
        } else {
            assert!(server.stop(Signal::TERM).success());
            let mut doing = command.spawn().unwrap();
            sleep(delay(round / 2));
            doing.kill().unwrap();
            doing.wait().unwrap();
        }

        server = Server::serve(&dir);
        held.is_alive(&server);
        replaced += u32::from(master_key(&dir) != before);
        assert!(!dir.join("master-key.next").exists(), "round {round}: it was finished or given up");
    }
    println!("killed {} times, and {replaced} of them the new key was in force", ROUNDS * 2);
    succeed(&dir, &["key", "rekey"]);
    held.is_alive(&server);
}
