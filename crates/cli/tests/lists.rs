//! The lists of the command line: names, filters, following the audit log, pages, and tables on a terminal.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, counterfoil, end_of, in_dir, run, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// How long an expected line may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A data directory with these users.
fn with_users(names: &[&str]) -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("data"), temp.path().join("password"));
    fs::write(&file, PASSWORD).unwrap();
    for name in names {
        succeed(&dir, &["user", "add", name, "--password-file", file.to_str().unwrap()]);
    }
    (temp, dir)
}

fn login(server: &Server, name: &str, more: Value) -> Value {
    let mut body = json!({ "username": name, "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = server.post("/v1/login", &body);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn json_of(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(dir, arguments)).unwrap()
}

fn column<'a>(list: &'a Value, records: &str, member: &str) -> Vec<&'a str> {
    list[records].as_array().unwrap().iter().map(|record| record[member].as_str().unwrap()).collect()
}

#[test]
fn commands_take_a_name_where_they_take_an_id() {
    let (_temp, dir) = with_users(&["ada", "grace"]);
    succeed(&dir, &["admin-key", "add", "deploy"]);
    let server = Server::serve(&dir);
    let me = |login: &Value| server.get("/v1/me", login["session_token"].as_str().unwrap()).0;
    let (ada, grace) = (login(&server, "ada", json!({})), login(&server, "grace", json!({})));

    assert!(succeed(&dir, &["session", "list", "ada"]).contains(ada["session"]["id"].as_str().unwrap()));
    assert!(succeed(&dir, &["revoke", "user:ADA"]).starts_with("revoked at position "));
    assert_eq!((me(&ada), me(&grace)), (401, 200));
    succeed(&dir, &["revoke", "client:default", "--yes"]);
    assert_eq!(me(&grace), 401);
    let of_ada = json_of(&dir, &["audit", "list", "ada", "--json"]);
    assert!(column(&of_ada, "events", "username").iter().all(|name| *name == "ada"), "{of_ada}");
    succeed(&dir, &["key", "revoke", "current", "--yes"]);
    succeed(&dir, &["admin-key", "remove", "deploy"]);

    for command in [["revoke", "user:bob"], ["admin-key", "remove"], ["client", "set"], ["user", "show"]] {
        let arguments: Vec<&str> = command.iter().copied().chain(["bob"]).collect();
        let arguments = if command[0] == "revoke" { &arguments[..2] } else { &arguments[..] };
        let output = run(&in_dir(&dir, arguments));
        assert_eq!(output.status, 1, "{arguments:?}");
        assert!(output.stderr.contains("bob") && output.stderr.contains("hint: "), "{output:?}");
    }
    let misspelled = run(&in_dir(&dir, &["session", "list", "--jsom"]));
    assert!(misspelled.status == 2 && misspelled.stderr.contains("no option"), "{misspelled:?}");
    let both = run(&in_dir(&dir, &["audit", "list", "ada", "--user", "grace"]));
    assert_eq!(both.status, 2, "{both:?}");
}

#[test]
fn the_audit_log_is_filtered_by_user_kind_and_time() {
    let (_temp, dir) = with_users(&["ada", "grace"]);
    succeed(&dir, &["user", "disable", "grace"]);
    let kinds = |more: &[&str]| {
        let arguments = [&["audit", "list", "--json"], more].concat();
        let list = json_of(&dir, &arguments);
        column(&list, "events", "kind").iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(kinds(&["--kind", "user_disabled"]), ["user_disabled"]);
    assert_eq!(kinds(&["--kind", "user_disabled,user_registered", "--user", "ada"]), ["user_registered"]);
    assert_eq!(kinds(&["--kind", "user_disabled", "--kind", "user_registered"]).len(), 3);
    // As the table prints it.
    assert_eq!(kinds(&["--kind", "user disabled"]), ["user_disabled"]);
    assert_eq!(kinds(&["--kind", "user registered, user-disabled"]).len(), 3);
    assert_eq!(kinds(&["ada", "--since", "2h"]), ["user_registered"]);
    assert!(kinds(&["--to", "2h"]).is_empty() && kinds(&["--from", "2100-01-01"]).is_empty());
    assert_eq!(kinds(&["--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01", "ada"]).len(), 1);

    let shown = succeed(&dir, &["audit", "list", "--kind", "user_disabled"]);
    assert!(shown.contains("user disabled") && shown.contains("grace"), "{shown}");
    let unknown = run(&in_dir(&dir, &["audit", "list", "--kind", "user_disable"]));
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.stderr.contains("user_disabled") && unknown.stderr.contains("login_failed"),
        "{unknown:?}"
    );
    let mistyped = run(&in_dir(&dir, &["audit", "list", "--kind", "login faild"]));
    assert!(mistyped.stderr.contains("a similar value exists: 'login_failed'"), "{mistyped:?}");
    let bad_time = run(&in_dir(&dir, &["audit", "list", "--since", "yesterday"]));
    assert!(bad_time.status == 2 && bad_time.stderr.contains("2h"), "{bad_time:?}");
    let none = run(&in_dir(&dir, &["audit", "list", "--kind", "login_failed"]));
    assert_eq!((none.status, none.stdout.as_str(), none.stderr.as_str()), (0, "", "no events\n"));
}

#[test]
fn the_sessions_of_all_users_are_listed_and_filtered() {
    let (_temp, dir) = with_users(&["ada", "grace"]);
    let server = Server::serve(&dir);
    for name in ["ada", "grace"] {
        for mode in ["session", "hybrid"] {
            login(&server, name, json!({ "mode": mode, "label": format!("{name}'s laptop") }));
        }
    }
    let names = |more: &[&str]| {
        let list = json_of(&dir, &[&["session", "list", "--json"], more].concat());
        column(&list, "sessions", "username").iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(names(&[]).len(), 4);
    assert_eq!(names(&["--user", "ada", "--mode", "hybrid"]), ["ada"]);
    assert_eq!(names(&["--ip", "127.0.0.1"]).len(), 4);
    assert!(names(&["--ip", "192.0.2.1"]).is_empty());
    let shown = succeed(&dir, &["session", "list"]);
    assert!(shown.contains("grace's laptop") && shown.lines().count() == 5, "{shown}");
    for bad in [["--ip", "home"], ["--mode", "cookie"]] {
        assert_eq!(run(&in_dir(&dir, &[&["session", "list"], &bad[..]].concat())).status, 2, "{bad:?}");
    }
}

#[test]
fn a_page_that_holds_the_rest_of_a_list_announces_no_other() {
    let (_temp, dir) = with_users(&["ada", "grace"]);
    succeed(&dir, &["client", "add", "shop"]);
    for name in ["deploy", "backup"] {
        succeed(&dir, &["admin-key", "add", name]);
    }
    let server = Server::serve(&dir);
    login(&server, "ada", json!({}));
    login(&server, "grace", json!({}));
    for list in ["user list", "client list", "admin-key list", "key list", "session list", "audit list"] {
        let list: Vec<&str> = list.split(' ').collect();
        let all = json_of(&dir, &[&list[..], &["--json"]].concat());
        let records =
            all.as_object().unwrap().values().filter_map(Value::as_array).map(Vec::len).sum::<usize>();
        assert!(records > 1 && all["next"].is_null(), "{all}");

        let exact = records.to_string();
        let page = run(&in_dir(&dir, &[&list[..], &["--limit", &exact]].concat()));
        assert_eq!(page.stderr, "", "{list:?}");
        let first = (records - 1).to_string();
        let page = run(&in_dir(&dir, &[&list[..], &["--limit", &first]].concat()));
        let after = page.stderr.strip_prefix("more: --after '").unwrap().trim_end().trim_end_matches('\'');
        let rest = run(&in_dir(&dir, &[&list[..], &["--after", after]].concat()));
        assert!(rest.stdout.lines().count() == 2 && rest.stderr.is_empty(), "{list:?}: {rest:?}");
    }
}

/// The output of a command on a terminal of that width, with the lines of standard error.
fn on_a_terminal(dir: &Path, width: usize, arguments: &str) -> Option<String> {
    let (program, dir) = (env!("CARGO_BIN_EXE_counterfoil"), dir.display());
    let shell = format!("stty cols {width}; {program} --data-dir {dir} {arguments}");
    let output = Command::new("script").args(["-qec", &shell, "/dev/null"]).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        counterfoil_test_support::skip("`script` is not installed");
        return None;
    };
    Some(String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

#[test]
fn on_a_terminal_a_record_fits_its_line_and_elsewhere_nothing_is_cut() {
    let (_temp, dir) = with_users(&["ada"]);
    let server = Server::serve(&dir);
    let agent = format!("Mozilla/5.0 {} \u{1f980}end", "東京 ".repeat(20));
    let body = json!({ "username": "ada", "password": PASSWORD, "label": "l".repeat(60) }).to_string();
    let agent_header = format!("User-Agent: {agent}");
    let options = ["-H", "Content-Type: application/json", "-H", &agent_header, "-d", &body];
    assert_eq!(server.curl("/v1/login", &options).0, 200);

    let Some(shown) = on_a_terminal(&dir, 100, "session list") else { return };
    let lines: Vec<&str> = shown.lines().collect();
    let wide = |character: &char| *character as u32 > 0x2e80;
    for line in &lines[..2] {
        let width = line.chars().count() + line.chars().filter(wide).count();
        assert!(width <= 100, "{width}: {line}");
    }
    assert!(lines[1].contains('…') && lines[1].contains(" ago") | lines[1].contains("now"), "{shown}");
    assert!(shown.contains("the terminal is too narrow for: created"), "{shown}");
    let wide_terminal = on_a_terminal(&dir, 500, "session list").unwrap();
    assert!(
        wide_terminal.contains("\u{1f980}end") && !wide_terminal.contains("too narrow"),
        "{wide_terminal}"
    );
    let audit = on_a_terminal(&dir, 100, "audit list").unwrap();
    assert!(audit.lines().next().unwrap().contains("event") && audit.contains("login succeeded"), "{audit}");

    let piped = succeed(&dir, &["session", "list"]);
    assert!(piped.contains("\u{1f980}end") && piped.contains(&"l".repeat(60)) && piped.contains("created"));
    assert_eq!(json_of(&dir, &["session", "list", "--json"])["sessions"][0]["user_agent"], agent);
}

/// `audit list --follow`, whose lines are read on another thread.
struct Follower {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Follower {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let mut command = counterfoil(&in_dir(dir, &[&["audit", "list", "--follow"], more].concat()));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let errors = read_lines(child.stderr.take().unwrap());
        Self { child, lines, errors }
    }

    /// The next line that contains `text`.
    fn wait_for(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("no line with {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends what Ctrl-C sends, and waits for its end.
    fn interrupt(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        end_of(&mut self.child, TIMEOUT)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(input: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(input).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

#[test]
fn the_audit_log_is_followed_across_a_restart_until_ctrl_c() {
    let (_temp, dir) = with_users(&["ada"]);
    let server = Server::serve(&dir);
    let mut table = Follower::start(&dir, &["--user", "ada"]);
    let json = Follower::start(&dir, &["--json", "--kind", "login_succeeded"]);
    table.wait_for("user registered");
    // Both are connected when they have printed the events of before, or can have.
    login(&server, "ada", json!({}));
    table.wait_for("login succeeded");
    let event: Value = serde_json::from_str(&json.wait_for("login_succeeded")).unwrap();
    assert_eq!((&event["username"], &event["kind"]), (&json!("ada"), &json!("login_succeeded")));

    let port = server.port();
    server.stop(Signal::TERM);
    let waiting = table.errors.recv_timeout(TIMEOUT).unwrap();
    assert_eq!(waiting, "the server does not answer: waiting for it");
    let server = Server::serve_on(&dir, port);
    assert_eq!(table.errors.recv_timeout(TIMEOUT).unwrap(), "the server answers again");
    login(&server, "ada", json!({}));
    table.wait_for("login succeeded");
    json.wait_for("login_succeeded");

    assert_eq!(table.interrupt().code(), Some(0), "Ctrl-C is how it ends");
}

#[test]
fn ctrl_c_ends_following_while_the_server_does_not_answer() {
    let (_temp, dir) = with_users(&["ada"]);
    let server = Server::serve(&dir);
    let mut follower = Follower::start(&dir, &[]);
    follower.wait_for("user registered");
    server.signal(Signal::STOP);
    // It asks each second, and has asked when this is over.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(follower.interrupt().code(), Some(0));
}

#[test]
fn following_needs_a_server() {
    let (_temp, dir) = with_users(&["ada"]);

    let output = run(&in_dir(&dir, &["audit", "list", "--follow"]));
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("no server answers") && output.stderr.contains("hint: "), "{output:?}");
    for bad in ["--to", "--after"] {
        assert_eq!(run(&in_dir(&dir, &["audit", "list", "--follow", bad, "2h"])).status, 2, "{bad}");
    }
}
