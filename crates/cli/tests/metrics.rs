//! The metrics listener and the log: where they are, what they contain, and what they never contain.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Server, counterfoil, in_dir, run};

/// Serves `dir` with metrics on a port of their own; returns their URL.
fn serve_with_metrics(dir: &Path, more: &[&str]) -> (Server, String) {
    let base = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let arguments = [&base, more].concat();
    let mut server = Server::start(&mut counterfoil(&in_dir(dir, &arguments)), &dir.with_extension("log"));
    assert!(server.line().starts_with("issuer "));
    let line = server.line();
    let address = line.strip_prefix("metrics on ").unwrap_or_else(|| panic!("{line}")).to_owned();
    (server, address)
}

/// Gets a page; returns its status and its text.
fn fetch(url: &str) -> (String, String) {
    let output = Command::new("curl").args(["-s", "--noproxy", "*", "-w", "\n%{http_code}", url]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let (page, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), page.to_owned())
}

#[test]
fn metrics_are_served_only_on_the_metrics_listener() {
    let temp = tempfile::tempdir().unwrap();
    let (server, address) = serve_with_metrics(&temp.path().join("data"), &[]);
    let ada = json!({ "username": "ada", "password": "correct horse battery staple" });
    assert_eq!(server.post("/v1/register", &ada).0, 201);
    assert_eq!(server.post("/v1/login", &ada).0, 200);

    let (status, page) = fetch(&address);

    assert_eq!(status, "200");
    assert!(page.contains("counterfoil_logins_total{result=\"success\"} 1\n"), "{page}");
    assert!(page.ends_with("# EOF\n"));
    assert_eq!(
        fetch(&address.replace("/metrics", "/v1/me")).0,
        "404",
        "the metrics listener serves only metrics"
    );
    assert_eq!(server.curl("/metrics", &[]).0, 404, "the public listener does not serve metrics");
}

#[test]
fn the_metrics_listener_must_differ_from_the_public_one() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    for (public, metrics) in [("127.0.0.1:3999", "127.0.0.1:3999"), ("127.0.0.1:3999", "0.0.0.0:3999")] {
        let arguments = ["serve", "--listen", public, "--metrics-listen", metrics];

        let output = run(&in_dir(&dir, &arguments));

        assert_eq!(output.status, 2, "{output:?}");
        assert!(output.stderr.starts_with("error: metrics.listen"), "{output:?}");
        assert!(!dir.exists(), "nothing was created");
    }
}

#[test]
fn check_warns_of_metrics_beyond_loopback() {
    let output = run(&["check", "--metrics-listen", "0.0.0.0:9464", "--json"]);

    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let keys: Vec<_> = found["warnings"].as_array().unwrap().iter().map(|warning| &warning["key"]).collect();
    assert!(keys.contains(&&json!("metrics.listen")), "{found}");
}

#[test]
fn each_request_is_logged_as_one_line_of_json_with_the_request_id_of_its_problem() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let (server, _) = serve_with_metrics(&dir, &["--log-format", "json"]);
    let ada = json!({ "username": "ada", "password": "correct horse battery staple" });
    let user = server.post("/v1/register", &ada).1["user"]["id"].clone();
    let token = server.post("/v1/login", &ada).1["session_token"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/v1/me?secret=hunter2", &token).0, 200);
    let problem = server.get("/v1/hunter2", "cfs_hunter2").1;

    let log = fs::read_to_string(dir.with_extension("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line_of =
        |route: &str| lines.iter().find(|line| line["route"] == route).unwrap_or_else(|| panic!("{log}"));

    let me = line_of("/v1/me");
    assert_eq!((&me["method"], &me["status"], &me["level"]), (&json!("GET"), &json!(200), &json!("INFO")));
    assert_eq!((&me["subject"], &me["client"]), (&user, &json!("127.0.0.1")));
    assert!(
        me["duration_ms"].is_number() && me["timestamp"].is_string() && me["session"].is_string(),
        "{me}"
    );
    assert_eq!(line_of("/v1/login")["subject"], user);
    assert_eq!(line_of("unmatched")["request_id"], problem["request_id"]);
    assert!(!log.contains("hunter2"), "neither path nor query is logged");
}

#[test]
fn the_log_level_is_validated_and_applied() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let output = run(&in_dir(&dir, &["serve", "--log-level", "loud=very=loud"]));
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("log_level"), "{output:?}");

    let (server, _) =
        serve_with_metrics(&dir, &["--log-format", "json", "--log-level", "counterfoil::requests=off,warn"]);
    assert_eq!(server.curl("/healthz", &[]).0, 200);
    assert_eq!(fs::read_to_string(dir.with_extension("log")).unwrap(), "");
}
