//! The commands for users, clients, keys and the audit log, with and without a server.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, in_dir, run, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// A data directory with the user ada, and a file with her password.
fn with_ada() -> (TempDir, PathBuf, String) {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("data"), temp.path().join("password"));
    fs::write(&file, PASSWORD).unwrap();
    let file = file.to_str().unwrap().to_owned();
    succeed(&dir, &["user", "add", "ada", "--password-file", &file]);
    (temp, dir, file)
}

fn login(server: &Server, more: Value) -> (u16, Value) {
    let mut body = json!({ "username": "ada", "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/v1/login", &body)
}

fn json_of(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(dir, arguments)).unwrap()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

#[test]
fn the_command_line_makes_a_user_an_administrator() {
    let (_temp, dir, _) = with_ada();
    let server = Server::serve(&dir);
    let status = |token: &Value| server.get("/v1/admin/users", text(token, "session_token")).0;
    let before = login(&server, json!({})).1;
    assert_eq!(status(&before), 403, "a new user is not an administrator");

    succeed(&dir, &["user", "roles", "ada", "admin"]);

    assert_eq!(status(&before), 200, "the same session, at the next request");
    succeed(&dir, &["user", "roles", "ada"]);
    assert_eq!(status(&before), 200, "without roles it changes nothing");
}

#[test]
fn a_user_is_shown_with_what_the_rate_limits_count() {
    let (_temp, dir, _) = with_ada();
    let server = Server::serve(&dir);
    for _ in 0..2 {
        assert_eq!(login(&server, json!({ "password": "not this one" })).0, 401);
    }

    let shown = succeed(&dir, &["user", "show", "ADA"]);
    let details = json_of(&dir, &["user", "show", "ada", "--ip", "127.0.0.1", "--json"]);

    let line = shown.lines().find(|line| line.trim_start().starts_with("failed_logins ")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[..3], ["failed_logins", "ada", "2"], "{shown}");
    assert!(shown.contains("username  ada\n"), "{shown}");
    let counters = details["rate_limits"].as_array().unwrap();
    let from_ip = counters.iter().find(|counter| counter["event"] == "failed_logins_from_ip").unwrap();
    assert_eq!(from_ip["count"], 2, "{details}");
    assert_eq!(run(&in_dir(&dir, &["user", "show", "eve"])).status, 1);
}

/// The log names the address and the setting, at run time.
#[test]
fn a_proxy_that_is_not_trusted_is_reported_when_many_users_log_in_through_it() {
    let (temp, dir, password) = with_ada();
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    let server = Server::serve(&dir);
    for name in &names {
        succeed(&dir, &["user", "add", name, "--password-file", &password]);
    }
    let log_in = |name: &str| {
        let body = json!({ "username": name, "password": PASSWORD }).to_string();
        let json = "Content-Type: application/json";
        let options = ["-H", json, "-H", "X-Forwarded-For: 192.0.2.1", "-d", &body];
        assert_eq!(server.curl("/v1/login", &options).0, 200);
    };
    let log = || fs::read_to_string(temp.path().join("data.log")).unwrap();
    let count = |log: &str| log.matches("that is not a trusted proxy").count();

    names[..9].iter().for_each(|name| log_in(name));
    assert_eq!(count(&log()), 0);
    log_in(&names[9]);
    log_in("ada");

    let log = log();
    assert_eq!(count(&log), 1, "{log}");
    assert!(log.contains("127.0.0.1") && log.contains("trusted_proxies"), "{log}");
}

#[test]
fn a_user_is_disabled_enabled_and_deleted() {
    let (_temp, dir, password) = with_ada();
    let server = Server::serve(&dir);
    let first = login(&server, json!({})).1;
    let me = |login: &Value| server.get("/v1/me", text(login, "session_token")).0;

    assert!(succeed(&dir, &["user", "disable", "ada"]).starts_with("disabled ada ("));
    assert_eq!((me(&first), login(&server, json!({})).0), (401, 401));
    succeed(&dir, &["user", "enable", "ADA"]);
    let second = login(&server, json!({})).1;
    assert_eq!((me(&first), me(&second)), (401, 200));

    fs::write(&password, "another horse battery staple").unwrap();
    succeed(&dir, &["user", "passwd", "ada", "--password-file", &password]);
    assert_eq!((me(&second), login(&server, json!({})).0), (401, 401));
    let third = login(&server, json!({ "password": "another horse battery staple" })).1;
    assert_eq!(me(&third), 200);

    let id = text(&third["user"], "id");
    assert_eq!(succeed(&dir, &["user", "delete", "ada", "--yes"]), format!("deleted {id}\n"));
    assert_eq!(me(&third), 401);
    let audit = json_of(&dir, &["audit", "list", "--user", id, "--limit", "1", "--json"]);
    assert_eq!(audit["events"][0]["kind"], "user_deleted");
    assert_eq!(run(&in_dir(&dir, &["user", "disable", "ada"])).status, 1);
}

#[test]
fn a_client_is_added_changed_and_listed() {
    let (_temp, dir, _) = with_ada();
    succeed(&dir, &["client", "add", "mobile", "--mode", "hybrid", "--scope", "a", "--scope", "b"]);
    let server = Server::serve(&dir);
    let hybrid = json!({ "client_id": "mobile", "mode": "hybrid" });
    assert_eq!(login(&server, json!({ "client_id": "mobile" })).0, 403);
    assert_eq!(login(&server, hybrid.clone()).1["expires_in"], 900);

    succeed(&dir, &["client", "set", "mobile", "--lifetime", "access=60", "--scope", "any"]);

    let pair = login(&server, hybrid.clone()).1;
    assert_eq!(pair["expires_in"], 60);
    let clients = json_of(&dir, &["client", "list", "--json"]);
    assert_eq!(
        (&clients["clients"][1]["id"], &clients["clients"][1]["scopes"]),
        (&json!("mobile"), &Value::Null)
    );
    succeed(&dir, &["client", "set", "mobile", "--enabled", "false", "--yes"]);
    assert_eq!((server.get("/v1/me", text(&pair, "access_token")).0, login(&server, hybrid).0), (401, 403));
    for (bad, code) in [("jwt=86401", 1), ("forever=1", 2), ("access", 2)] {
        let output = run(&in_dir(&dir, &["client", "set", "mobile", "--lifetime", bad]));
        assert_eq!(output.status, code, "{bad}: {output:?}");
    }
    assert_eq!(run(&in_dir(&dir, &["client", "add", "mobile"])).status, 1);
}

#[test]
fn an_admin_key_is_valid_until_it_is_removed() {
    let (_temp, dir, _) = with_ada();
    let created = json_of(&dir, &["admin-key", "add", "deploy", "--json"]);
    let server = Server::serve(&dir);
    let second = succeed(&dir, &["admin-key", "add", "backup"]);

    for key in [text(&created, "key"), second.trim_end()] {
        assert_eq!(server.get("/v1/admin/users", key).0, 200, "{key}");
    }
    let list = succeed(&dir, &["admin-key", "list", "--json"]);
    assert!(list.contains("deploy") && !list.contains(second.trim_end().split('.').nth(1).unwrap()));
    assert!(succeed(&dir, &["admin-key", "list"]).contains("operator"), "the list shows who created a key");
    assert_eq!(names_page_by_page(&dir, &["admin-key", "list"], "admin_keys", "name"), ["deploy", "backup"]);
    succeed(&dir, &["admin-key", "remove", text(&created, "id")]);
    assert_eq!(server.get("/v1/admin/users", text(&created, "key")).0, 401);
}

/// The member `name` of all records of a list, read one record at a time.
fn names_page_by_page(dir: &Path, list: &[&str], records: &str, name: &str) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let cursor = after.iter().flat_map(|after: &String| ["--after", after]);
        let arguments: Vec<&str> =
            list.iter().copied().chain(["--json", "--limit", "1"]).chain(cursor).collect();
        let page = json_of(dir, &arguments);
        names.extend(page[records].as_array().unwrap().iter().map(|record| text(record, name).to_owned()));
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return names,
        }
    }
}

#[test]
fn key_changes_apply_at_once_and_survive_a_restart() {
    let (_temp, dir, _) = with_ada();
    let server = Server::serve(&dir);
    let jwt = || text(&login(&server, json!({ "mode": "jwt" })).1, "access_token").to_owned();
    let states = || -> Vec<(String, String)> {
        let list = json_of(&dir, &["key", "list", "--json"]);
        let keys = list["keys"].as_array().unwrap().iter();
        keys.map(|key| (text(key, "id").to_owned(), text(key, "state").to_owned())).collect()
    };
    let key_in = |wanted: &str| states().into_iter().find(|(_, state)| state == wanted).unwrap().0;
    let ids: Vec<String> = states().into_iter().map(|(id, _)| id).collect();
    assert_eq!(names_page_by_page(&dir, &["key", "list"], "keys", "id"), ids);
    let first = jwt();
    let (old, next) = (key_in("current"), key_in("next"));

    // Without --now the next key is activated later.
    let output = succeed(&dir, &["key", "rotate"]);
    assert!(output.starts_with(&format!("{next} signs from 20")), "{output}");
    assert_eq!(key_in("current"), old);
    assert_eq!(succeed(&dir, &["key", "rotate", "--now"]), format!("{next} signs from now on\n"));
    assert!(
        succeed(&dir, &["key", "rotate", "--refresh-token-key"])
            .contains("authenticates refresh tokens from now on")
    );
    let shown = succeed(&dir, &["key", "list"]);
    assert!(shown.contains("removed") && shown.contains("retired"), "{shown}");
    let second = jwt();
    assert_eq!((server.get("/v1/me", &first).0, server.get("/v1/me", &second).0), (200, 200));
    succeed(&dir, &["key", "revoke", &old, "--yes"]);
    assert_eq!((server.get("/v1/me", &first).0, server.get("/v1/me", &second).0), (401, 200));
    assert_eq!(run(&in_dir(&dir, &["key", "revoke", "none", "--yes"])).status, 1);

    let port = server.port();
    server.stop(Signal::TERM);
    // Also without a server; the next key replaces the revoked current key.
    succeed(&dir, &["key", "revoke", &key_in("current"), "--yes"]);
    let server = Server::serve_on(&dir, port);
    assert_eq!((server.get("/v1/me", &first).0, server.get("/v1/me", &second).0), (401, 401));
    let third = text(&login(&server, json!({ "mode": "jwt" })).1, "access_token").to_owned();
    assert_eq!(server.get("/v1/me", &third).0, 200);
}

#[test]
fn the_audit_events_of_a_session_are_listed_in_order() {
    let (_temp, dir, _) = with_ada();
    let server = Server::serve(&dir);
    let session = login(&server, json!({})).1;
    let id = text(&session["session"], "id");
    let subject = format!("session:{id}");

    let output = succeed(&dir, &["revoke", &subject, "--reason", "a stolen laptop"]);

    assert!(output.starts_with("revoked at position "), "{output}");
    assert_eq!(server.get("/v1/me", text(&session, "session_token")).0, 401);
    let audit = json_of(&dir, &["audit", "list", "--session", id, "--json"]);
    let kinds: Vec<_> = audit["events"].as_array().unwrap().iter().map(|event| text(event, "kind")).collect();
    assert_eq!(kinds, ["login_succeeded", "session_ended"]);
    let shown = succeed(&dir, &["audit", "list", "--session", id]);
    let (login, end) = (shown.find("login succeeded").unwrap(), shown.find("session ended").unwrap());
    assert!(login < end && shown.contains("by admin") && shown.contains("operator"), "{shown}");

    let everyone = login_and_revoke_everyone(&server, &dir);
    let audit = json_of(&dir, &["audit", "list", "--session", &everyone, "--json"]);
    let last = audit["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["detail"]), (&json!("everyone_revoked"), &json!("a test")));
    for (subject, code) in [("user:bob", 1), ("session:AAAAAAAAAAAAAAAAAAAAAA", 1)] {
        assert_eq!(run(&in_dir(&dir, &["revoke", subject])).status, code, "{subject}");
    }
    assert_eq!(run(&in_dir(&dir, &["revoke", "everyone", "--yes", "--wait", "fleet"])).status, 0);
}

fn login_and_revoke_everyone(server: &Server, dir: &Path) -> String {
    let session = login(server, json!({})).1;
    let answer = json_of(dir, &["revoke", "everyone", "--reason", "a test", "--yes", "--json"]);
    assert_eq!((&answer["confirmed"], &answer["expired"]), (&json!(0), &json!(0)));
    assert_eq!(server.get("/v1/me", text(&session, "session_token")).0, 401);
    text(&session["session"], "id").to_owned()
}
