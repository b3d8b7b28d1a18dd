//! `counterfoil dev`: the printed script works without changes.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Server, run};

/// Runs `script` in a POSIX shell, which stops at the first command that fails.
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
fn the_printed_script_runs_in_a_shell_without_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (server, script) = Server::dev(&dir.path().join("log"));

    let stdout = paste(&script);

    let answers: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [login, by_cookie, by_jwt, by_pair, refreshed, list, ended, rejected] = answers.as_slice() else {
        panic!("{stdout}")
    };
    assert_eq!(login["session"]["mode"], "session");
    for (answer, mode) in [(by_cookie, "session"), (by_jwt, "jwt"), (by_pair, "hybrid")] {
        assert_eq!((&answer["user"]["username"], &answer["session"]["mode"]), (&"demo".into(), &mode.into()));
    }
    assert!(refreshed["refresh_token"].as_str().unwrap().starts_with("cfr_"), "{refreshed}");
    assert_eq!(list["sessions"].as_array().unwrap().len(), 3, "{list}");
    assert_eq!(ended, 204);
    assert_eq!(rejected["status"], 401, "{rejected}");
    server.stop(Signal::TERM);
}

#[test]
fn the_temporary_store_is_removed_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (server, script) = Server::dev(&dir.path().join("log"));
    let data = script.lines().find_map(|line| line.strip_prefix("jar='")?.strip_suffix("/cookies'")).unwrap();
    assert!(Path::new(data).join("counterfoil.db").exists());

    let status = server.stop(Signal::INT);

    assert!(status.success(), "{status}");
    assert!(!Path::new(data).exists());
}

#[test]
fn the_demo_user_is_served_on_loopback_only() {
    let output = run(&["dev", "--listen", "0.0.0.0:0"]);

    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.starts_with("error: ") && output.stderr.contains("\nhint: "), "{output:?}");
}

#[test]
fn a_port_in_use_is_reported_with_a_hint() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _listener = TcpListener::bind(address).unwrap();

    let output = run(&["dev", "--listen", &address.to_string()]);

    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains(&address.to_string()) && output.stderr.contains("hint: "), "{output:?}");
}
