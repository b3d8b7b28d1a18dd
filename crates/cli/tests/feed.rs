//! Verifier keys and waits for the fleet, with real processes: at the command line, and over a crash of the server.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Server, counterfoil, in_dir, run, succeed};

/// The lease of the tests, and how long the issuer counts it.
const LEASE_VARIABLE: (&str, &str) = ("COUNTERFOIL_FEED_LEASE", "1200ms");
const ISSUER_LEASE: Duration = Duration::from_millis(1_500);

fn data_dir() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    (temp, dir)
}

/// A server with a short lease.
fn serve(dir: &Path) -> Server {
    let mut command = counterfoil(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
    Server::start(command.env(LEASE_VARIABLE.0, LEASE_VARIABLE.1), &dir.with_extension("log"))
}

fn json_of(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(dir, arguments)).unwrap()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// A poll that returns at once.
fn poll(server: &Server, key: &str, parameters: &str) -> Value {
    let (status, body) = server.get(&format!("/v1/feed?{parameters}&wait=0"), key);
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn verifier_keys_are_added_listed_and_removed_with_and_without_a_server() {
    let (_temp, dir) = data_dir();
    drop(serve(&dir));

    let made = json_of(&dir, &["verifier", "add", "orders", "--json"]);
    let mut members: Vec<_> = made.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["id", "key"]);
    let listed = succeed(&dir, &["verifier", "list"]);
    assert!(listed.contains("orders") && !listed.contains(text(&made, "key")), "{listed}");

    let server = serve(&dir);
    poll(&server, text(&made, "key"), "instance=b2a9&poll=1");
    let second = succeed(&dir, &["verifier", "add", "billing"]);
    assert!(second.starts_with("cfv_"), "{second}");
    let listed = json_of(&dir, &["verifier", "list", "--json"]);
    assert_eq!(listed["verifier_keys"].as_array().unwrap().len(), 2);
    assert_eq!((&listed["verifiers"][0]["instance"], &listed["next"]), (&"b2a9".into(), &Value::Null));
    let table = succeed(&dir, &["verifier", "list"]);
    let row = table.lines().find(|line| line.contains("b2a9")).unwrap();
    assert!(row.contains("orders") && row.contains("fresh"), "{table}");

    succeed(&dir, &["verifier", "remove", text(&made, "id")]);
    assert_eq!(server.get("/v1/feed?instance=b2a9&poll=2", text(&made, "key")).0, 401);
    let again = run(&in_dir(&dir, &["verifier", "remove", text(&made, "id")]));
    assert!(again.status == 1 && again.stderr.starts_with("error: "), "{again:?}");
    let wrong = run(&in_dir(&dir, &["verifier", "remove", "orders"]));
    assert!(wrong.status == 1 && wrong.stderr.contains("there is no verifier key"), "{wrong:?}");
}

#[test]
fn revoke_waits_until_a_verifier_that_is_cut_off_refuses_everything() {
    let (_temp, dir) = data_dir();
    let server = serve(&dir);
    let key = succeed(&dir, &["verifier", "add", "orders"]).trim().to_owned();
    poll(&server, &key, "instance=a&poll=1");

    let started = Instant::now();
    let answer = json_of(&dir, &["revoke", "client:default", "--yes", "--wait", "fleet", "--json"]);

    assert!(started.elapsed() > ISSUER_LEASE / 2, "{answer}");
    assert_eq!((&answer["confirmed"], &answer["expired"]), (&0.into(), &1.into()));
    let said = succeed(&dir, &["revoke", "client:default", "--yes", "--wait", "fleet"]);
    assert!(said.starts_with("revoked at position ") && said.contains("0 verifiers confirmed"), "{said}");
    assert_eq!(run(&in_dir(&dir, &["revoke", "everyone", "--wait", "long"])).status, 2);
}

#[test]
fn after_a_crash_a_wait_lasts_until_unknown_leases_have_run_out() {
    let (_temp, dir) = data_dir();
    let server = serve(&dir);
    let key = succeed(&dir, &["verifier", "add", "orders"]).trim().to_owned();
    let first = poll(&server, &key, "instance=a&poll=1");
    server.crash();

    let started = Instant::now();
    let server = serve(&dir);
    let serving = Instant::now();
    let answer = json_of(&dir, &["revoke", "client:default", "--yes", "--wait", "fleet", "--json"]);

    let elapsed = started.elapsed();
    assert!(elapsed >= ISSUER_LEASE, "{elapsed:?}: the verifier may still be fresh");
    assert!(serving.elapsed() < ISSUER_LEASE + Duration::from_secs(3), "{answer}");
    // The verifier continues where it was, and gets what was revoked.
    let position = format!("after={}&log={}", first["next"], text(&first, "log"));
    let next = poll(&server, &key, &format!("instance=a&poll=2&{position}"));
    assert_eq!(
        (&next["snapshot"], &next["entries"][0]["subject"]),
        (&false.into(), &"client:default".into())
    );
}

#[test]
fn without_a_server_a_wait_lasts_until_the_leases_of_the_last_one_have_run_out() {
    let (_temp, dir) = data_dir();
    let server = serve(&dir);
    let key = succeed(&dir, &["verifier", "add", "orders"]).trim().to_owned();
    poll(&server, &key, "instance=a&poll=1");
    server.crash();

    let answer = json_of(&dir, &["revoke", "client:default", "--yes", "--wait", "fleet", "--json"]);

    let elapsed = answer["elapsed_ms"].as_u64().unwrap();
    assert!(elapsed > 1_000, "{elapsed} ms: the verifier may still be fresh");
}
