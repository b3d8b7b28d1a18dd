//! The request log of the binary: why a request was refused, as text, on a terminal and as JSON; and nothing of it for the
//! client.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use counterfoil_test_support::contains_jwt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::common::{Server, counterfoil, in_dir};

const PASSWORD: &str = "correct horse battery staple";

fn serve(dir: &Path, more: &[&str]) -> (Server, PathBuf) {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], more].concat();
    let log = dir.with_extension("log");
    (Server::start(&mut counterfoil(&in_dir(dir, &arguments)), &log), log)
}

/// The lines of the log that contain this text; waits for the first.
fn lines_with(log: &Path, text: &str) -> Vec<String> {
    for _ in 0..500 {
        let content = std::fs::read_to_string(log).unwrap();
        let lines: Vec<String> =
            content.lines().filter(|line| line.contains(text)).map(str::to_owned).collect();
        if !lines.is_empty() {
            return lines;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{text:?} is not in {}", std::fs::read_to_string(log).unwrap());
}

/// Logs ada in and out, in each mode, and shows each dead credential. Returns the bodies of the 401s, without their ids.
fn use_ended_credentials(server: &Server) -> Vec<Value> {
    let user = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(server.post("/v1/register", &user).0, 201);
    let mut bodies = Vec::new();
    for (mode, member) in [("session", "session_token"), ("jwt", "access_token")] {
        let login = json!({ "username": "ada", "password": PASSWORD, "mode": mode });
        let token = server.post("/v1/login", &login).1[member].as_str().unwrap().to_owned();
        let logout = format!("Authorization: Bearer {token}");
        assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &logout]).0, 204);
        bodies.push(server.get("/v1/me", &token));
    }
    bodies.push(server.get("/v1/me", "cfs_unknown"));
    let without_id = |(status, mut body): (u16, Value)| {
        assert_eq!(status, 401);
        body["request_id"] = Value::Null;
        body
    };
    bodies.into_iter().map(without_id).collect()
}

#[test]
fn a_401_is_logged_with_its_reason_and_the_client_learns_none() {
    let temp = tempfile::tempdir().unwrap();
    let (server, log) = serve(&temp.path().join("data"), &[]);

    let bodies = use_ended_credentials(&server);

    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert!(!bodies[0].to_string().contains("logout"), "{bodies:?}");
    lines_with(&log, "401 GET /v1/me malformed");
    let revoked = lines_with(&log, "401 GET /v1/me revoked: session ended by logout");
    assert_eq!(revoked.len(), 2, "of the session token and of the access token: {revoked:?}");
    assert_eq!(revoked[0].matches("request_id=").count(), 1, "{revoked:?}");
    assert_eq!(revoked[0].matches("/v1/me").count(), 1, "{revoked:?}");
    assert!(revoked[0].contains(" client=127.0.0.1"), "{revoked:?}");
    let content = std::fs::read_to_string(&log).unwrap();
    assert!(!contains_jwt(&content) && !content.contains(PASSWORD), "no secret is logged");
}

#[test]
fn refusals_of_other_kinds_name_their_cause() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let log = dir.with_extension("log");
    let mut command = counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0"]));
    let server = Server::start(command.env("COUNTERFOIL_REGISTRATION_RATE_LIMIT_PER_IP", "1/1h"), &log);
    let user = |name: &str| json!({ "username": name, "password": PASSWORD });

    assert_eq!(server.post("/v1/register", &user("ada")).0, 201);
    assert_eq!(server.post("/v1/register", &user("grace")).0, 429);
    for (name, password) in [("ada", "wrong"), ("unknown", PASSWORD)] {
        let login = json!({ "username": name, "password": password });
        assert_eq!(server.post("/v1/login", &login).0, 401);
    }
    let cookie = ["-X", "POST", "-H", "Cookie: counterfoil-session=cfs_x"];
    assert_eq!(server.curl("/v1/logout", &cookie).0, 403);
    let other = ["-X", "POST", "-H", "Origin: https://shop.example"];
    assert_eq!(server.curl("/v1/logout", &other).0, 403);

    lines_with(&log, "401 POST /v1/login login failed: wrong password");
    lines_with(&log, "401 POST /v1/login login failed: no such user");
    lines_with(&log, "429 POST /v1/register the rate limit is reached: registrations from one IP");
    lines_with(&log, "403 POST /v1/logout a cookie, and neither Origin nor Sec-Fetch-Site");
    lines_with(&log, "403 POST /v1/logout the origin https://shop.example is not trusted");
}

#[test]
fn the_json_format_has_the_reason_as_a_field() {
    let temp = tempfile::tempdir().unwrap();
    let (server, log) = serve(&temp.path().join("data"), &["--log-format", "json"]);

    use_ended_credentials(&server);

    let line: Value = serde_json::from_str(&lines_with(&log, "ended by logout")[0]).unwrap();
    assert_eq!(line["error.code"], "revoked");
    assert_eq!(line["error.message"], "revoked: session ended by logout");
    assert_eq!((&line["status"], &line["route"]), (&json!(401), &json!("/v1/me")));
}

#[test]
fn on_a_terminal_a_line_is_short_and_coloured_unless_colours_are_refused() {
    for no_color in ["", "1"] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let output = temp.path().join("terminal");
        let binary = env!("CARGO_BIN_EXE_counterfoil");
        let pid = temp.path().join("pid");
        let serve = format!("exec {binary} --data-dir {} serve --listen 127.0.0.1:0", dir.display());
        let command = format!("echo $$ > {}; {serve}", pid.display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &command]).arg(&output);
        script.env("NO_COLOR", no_color).env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null());
        let Ok(mut terminal) = script.spawn() else {
            counterfoil_test_support::skip("`script` is not installed");
            return;
        };
        let address = lines_with_address(&output);
        let refused =
            Command::new("curl").args(["-s", "--noproxy", "*", &format!("{address}/v1/me")]).output();
        assert!(refused.unwrap().status.success());

        let line = lines_with(&output, "/v1/me").remove(0);
        let pid = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        // It ignores the end of its terminal.
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        terminal.wait().unwrap();

        let plain = "401 GET /v1/me a credential is required";
        let coloured = "\u{1b}[33m401\u{1b}[0m GET /v1/me a credential is required";
        assert!(line.trim_end().ends_with(if no_color.is_empty() { coloured } else { plain }), "{line:?}");
        assert!(line.chars().count() <= 100 + 20, "{line:?}");
    }
}

/// The address that the server in the terminal prints.
fn lines_with_address(output: &Path) -> String {
    for _ in 0..1000 {
        let content = std::fs::read_to_string(output).unwrap_or_default();
        let address = content.lines().find_map(|line| line.trim_end().strip_prefix("listening on "));
        if let Some(address) = address {
            return address.to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the server did not start: {}", std::fs::read_to_string(output).unwrap_or_default());
}
