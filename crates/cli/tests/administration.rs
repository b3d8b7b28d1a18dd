//! An operator's commands for users, clients, keys and the journal, with and without a server.

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
    let place = tempfile::tempdir().unwrap();
    let (dir, file) = (place.path().join("data"), place.path().join("password"));
    fs::write(&file, PASSWORD).unwrap();
    let file = file.to_str().unwrap().to_owned();
    succeed(&dir, &["user", "add", "ada", "--password-file", &file]);
    (place, dir, file)
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
fn the_first_administrator_is_made_at_the_machine() {
    let (_place, dir, _) = with_ada();
    let server = Server::serve(&dir);
    let status = |token: &Value| server.get("/v1/admin/users", text(token, "session_token")).0;
    let before = login(&server, json!({})).1;
    assert_eq!(status(&before), 403, "nobody is one by chance");

    succeed(&dir, &["user", "roles", "ada", "admin"]);

    assert_eq!(status(&before), 200, "the same login, at the next request");
    succeed(&dir, &["user", "roles", "ada"]);
    assert_eq!(status(&before), 403);
}

#[test]
fn a_user_is_shut_out_let_in_and_deleted() {
    let (_place, dir, password) = with_ada();
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
    assert_eq!(succeed(&dir, &["user", "delete", "ada"]), format!("deleted {id}\n"));
    assert_eq!(me(&third), 401);
    let told = json_of(&dir, &["audit", "list", "--user", id, "--limit", "1", "--json"]);
    assert_eq!(told["events"][0]["kind"], "user_deleted");
    assert_eq!(run(&in_dir(&dir, &["user", "disable", "ada"])).code, 1);
}

#[test]
fn a_client_is_added_changed_and_listed() {
    let (_place, dir, _) = with_ada();
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
    succeed(&dir, &["client", "set", "mobile", "--enabled", "false"]);
    assert_eq!((server.get("/v1/me", text(&pair, "access_token")).0, login(&server, hybrid).0), (401, 403));
    for (bad, code) in [("jwt=86401", 1), ("forever=1", 2), ("access", 2)] {
        let said = run(&in_dir(&dir, &["client", "set", "mobile", "--lifetime", bad]));
        assert_eq!(said.code, code, "{bad}: {said:?}");
    }
    assert_eq!(run(&in_dir(&dir, &["client", "add", "mobile"])).code, 1);
}

#[test]
fn an_admin_key_administers_until_it_is_removed() {
    let (_place, dir, _) = with_ada();
    let made = json_of(&dir, &["admin-key", "add", "deploy", "--json"]);
    let server = Server::serve(&dir);
    let second = succeed(&dir, &["admin-key", "add", "backup"]);

    for key in [text(&made, "key"), second.trim_end()] {
        assert_eq!(server.get("/v1/admin/users", key).0, 200, "{key}");
    }
    let list = succeed(&dir, &["admin-key", "list", "--json"]);
    assert!(list.contains("deploy") && !list.contains(second.trim_end().split('.').nth(1).unwrap()));
    assert!(succeed(&dir, &["admin-key", "list"]).contains("operator"), "whose they are is told");
    succeed(&dir, &["admin-key", "remove", text(&made, "id")]);
    assert_eq!(server.get("/v1/admin/users", text(&made, "key")).0, 401);
}

#[test]
fn keys_change_while_serving_and_stay_changed() {
    let (_place, dir, _) = with_ada();
    let server = Server::serve(&dir);
    let jwt = || text(&login(&server, json!({ "mode": "jwt" })).1, "access_token").to_owned();
    let states = || -> Vec<(String, String)> {
        let list = json_of(&dir, &["key", "list", "--json"]);
        let keys = list["keys"].as_array().unwrap().iter();
        keys.map(|key| (text(key, "id").to_owned(), text(key, "state").to_owned())).collect()
    };
    let the = |wanted: &str| states().into_iter().find(|(_, state)| state == wanted).unwrap().0;
    let first = jwt();
    let (old, next) = (the("current"), the("next"));

    // Orderly: there is a time before which the next key signs nothing.
    let said = succeed(&dir, &["key", "rotate"]);
    assert!(said.starts_with(&format!("{next} signs from 20")), "{said}");
    assert_eq!(the("current"), old);
    assert_eq!(succeed(&dir, &["key", "rotate", "--now"]), format!("{next} signs from now on\n"));
    assert!(succeed(&dir, &["key", "rotate", "--pepper"]).contains("makes refresh tokens from now on"));
    let shown = succeed(&dir, &["key", "list"]);
    assert!(shown.contains("leaves") && shown.contains("retired"), "{shown}");
    let second = jwt();
    assert_eq!((server.get("/v1/me", &first).0, server.get("/v1/me", &second).0), (200, 200));
    succeed(&dir, &["key", "revoke", &old]);
    assert_eq!((server.get("/v1/me", &first).0, server.get("/v1/me", &second).0), (401, 200));
    assert_eq!(run(&in_dir(&dir, &["key", "revoke", "none"])).code, 1);

    let port = server.port();
    server.stop(Signal::TERM);
    // Without a server too; the key that signs is revoked, and another takes its place.
    succeed(&dir, &["key", "revoke", &the("current")]);
    let server = Server::serve_on(&dir, port);
    assert_eq!((server.get("/v1/me", &first).0, server.get("/v1/me", &second).0), (401, 401));
    let third = text(&login(&server, json!({ "mode": "jwt" })).1, "access_token").to_owned();
    assert_eq!(server.get("/v1/me", &third).0, 200);
}

#[test]
fn the_journal_of_a_session_tells_its_life_in_order() {
    let (_place, dir, _) = with_ada();
    let server = Server::serve(&dir);
    let session = login(&server, json!({})).1;
    let id = text(&session["session"], "id");
    let subject = format!("session:{id}");

    let said = succeed(&dir, &["revoke", &subject, "--reason", "a stolen laptop", "--wait", "fleet"]);

    assert!(said.starts_with("revoked at position "), "{said}");
    assert_eq!(server.get("/v1/me", text(&session, "session_token")).0, 401);
    let told = json_of(&dir, &["audit", "list", "--session", id, "--json"]);
    let told: Vec<_> = told["events"].as_array().unwrap().iter().map(|line| text(line, "kind")).collect();
    assert_eq!(told, ["signed_in", "session_ended"]);
    let shown = succeed(&dir, &["audit", "list", "--session", id]);
    let (login, end) = (shown.find("A login succeeded.").unwrap(), shown.find("A session ended.").unwrap());
    assert!(login < end && shown.contains("by_admin") && shown.contains("operator"), "{shown}");

    let everyone = login_and_revoke_everyone(&server, &dir);
    let told = json_of(&dir, &["audit", "list", "--session", &everyone, "--json"]);
    let last = told["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["detail"]), (&json!("everyone_revoked"), &json!("a drill")));
    for (subject, code) in [("user:ada", 1), ("session:AAAAAAAAAAAAAAAAAAAAAA", 1)] {
        assert_eq!(run(&in_dir(&dir, &["revoke", subject])).code, code, "{subject}");
    }
    assert_eq!(run(&in_dir(&dir, &["revoke", "everyone", "--wait", "long"])).code, 2);
}

fn login_and_revoke_everyone(server: &Server, dir: &Path) -> String {
    let session = login(server, json!({})).1;
    let answer = json_of(dir, &["revoke", "everyone", "--reason", "a drill", "--json"]);
    assert_eq!((&answer["confirmed"], &answer["expired"]), (&json!(0), &json!(0)));
    assert_eq!(server.get("/v1/me", text(&session, "session_token")).0, 401);
    text(&session["session"], "id").to_owned()
}
