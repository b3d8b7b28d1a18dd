//! `counterfoil dev`: what it prints works as it is printed.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Server, run};

/// Types `script` into a POSIX shell, which stops at the first command that fails.
fn paste(script: &str) -> String {
    let mut shell = Command::new("sh");
    let piped = shell.arg("-eu").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = piped.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_printed_lines_work_in_a_shell_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (server, tour) = Server::dev(&dir.path().join("log"));

    let shown = paste(&tour);

    let answers: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [signed_in, by_cookie, by_jwt, by_pair, refreshed, list, ended, dead] = answers.as_slice() else {
        panic!("{shown}")
    };
    assert_eq!(signed_in["session"]["mode"], "session");
    for (answer, mode) in [(by_cookie, "session"), (by_jwt, "jwt"), (by_pair, "hybrid")] {
        assert_eq!((&answer["user"]["username"], &answer["session"]["mode"]), (&"demo".into(), &mode.into()));
    }
    assert!(refreshed["refresh_token"].as_str().unwrap().starts_with("cfr_"), "{refreshed}");
    assert_eq!(list["sessions"].as_array().unwrap().len(), 3, "{list}");
    assert_eq!(ended, 204);
    assert_eq!(dead["status"], 401, "{dead}");
    server.stop(Signal::TERM);
}

#[test]
fn the_store_is_thrown_away_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (server, tour) = Server::dev(&dir.path().join("log"));
    let data = tour.lines().find_map(|line| line.strip_prefix("jar='")?.strip_suffix("/cookies'")).unwrap();
    assert!(Path::new(data).join("counterfoil.db").exists());

    let status = server.stop(Signal::INT);

    assert!(status.success(), "{status}");
    assert!(!Path::new(data).exists());
}

#[test]
fn a_known_password_is_served_on_loopback_alone() {
    let said = run(&["dev", "--listen", "0.0.0.0:0"]);

    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.starts_with("error: ") && said.err.contains("\nhint: "), "{said:?}");
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _holder = TcpListener::bind(taken).unwrap();

    let said = run(&["dev", "--listen", &taken.to_string()]);

    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(&taken.to_string()) && said.err.contains("hint: "), "{said:?}");
}
