//! `counterfoil store check`: it finds what is wrong with a store, also while a server uses it, and changes nothing.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::path::Path;

use counterfoil_test_support::{PostgresServer, skip};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Server, counterfoil, in_dir, output_of, run, succeed};

const PASSWORD: &str = "correct horse battery staple";

/// Each damage, and the code of what is found.
const DAMAGE: [(&str, &str); 10] = [
    ("UPDATE sessions SET user_id = decode(md5('none'), 'hex')", "session_without_user"),
    ("UPDATE sessions SET client_id = 'none'", "session_without_client"),
    ("UPDATE sessions SET position = 9000000000000000", "session_above_head"),
    ("UPDATE revocation_log_head SET last_position = 0", "entry_above_head"),
    ("UPDATE users SET cutoff = 9000000000000000", "cutoff_above_head"),
    ("UPDATE users SET disabled_at = 1, cutoff = 0", "session_of_disabled_user"),
    ("UPDATE sessions SET status_index = 9", "status_index_used_twice"),
    ("UPDATE users SET revision = -1", "revision_negative"),
    ("UPDATE sessions SET amr = 'no list'", "unreadable_row"),
    ("UPDATE keys SET sealed_key = sealed_key || '\\x00' WHERE sealed_key <> ''", "key_not_opened"),
];

/// A user with two sessions and one that was ended.
fn fill(server: &Server) {
    assert_eq!(server.post("/v1/register", &json!({ "username": "ada", "password": PASSWORD })).0, 201);
    let login = json!({ "username": "ada", "password": PASSWORD, "mode": "session" });
    let tokens: Vec<_> =
        (0..3).map(|_| server.post("/v1/login", &login).1["session_token"].clone()).collect();
    let bearer = format!("Authorization: Bearer {}", tokens[0].as_str().unwrap());
    assert_eq!(server.curl("/v1/logout", &["-X", "POST", "-H", &bearer]).0, 204);
}

fn check(dir: &Path, store: &str) -> (i32, Value) {
    let arguments = in_dir(dir, &["store", "check", store, "--json"]);
    let output = output_of(counterfoil(&arguments).output().unwrap());
    let parsed = serde_json::from_str(&output.stdout);
    (output.status, parsed.unwrap_or_else(|_| panic!("{output:?}")))
}

fn codes(answer: &Value) -> Vec<&str> {
    let findings = answer["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_store_in_use_is_checked_and_stays_as_it_is() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let server = Server::serve(&dir);
    fill(&server);
    let file = dir.join("counterfoil.db");
    let store = format!("sqlite:{}", file.display());

    let (status, answer) = check(&dir, &store);

    assert_eq!((status, codes(&answer)), (0, vec![]), "{answer}");
    assert_eq!(answer["keys_checked"], true);
    assert!(answer["tables"][2]["rows"].as_u64().unwrap() >= 3, "{answer}");
    let text = succeed(&dir, &["store", "check"]);
    assert!(text.contains("nothing is wrong"), "{text}");
    assert!(server.stop(Signal::TERM).success());
    let before = std::fs::read(&file).unwrap();
    assert_eq!(check(&dir, &store).0, 0);
    assert_eq!(before, std::fs::read(&file).unwrap());

    let absent = run(&in_dir(&dir, &["store", "check", "sqlite:/no/such/file.db"]));
    assert_eq!(absent.status, 1, "{absent:?}");
}

#[test]
fn a_changed_schema_is_found_in_a_file() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    assert!(Server::serve(&dir).stop(Signal::TERM).success());
    let file = dir.join("counterfoil.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let name = b"audit_events_by_user";
    for at in 0..bytes.len() - name.len() {
        if bytes[at..].starts_with(name) {
            bytes[at] = b'x';
        }
    }
    std::fs::write(&file, bytes).unwrap();

    let (status, answer) = check(&dir, &format!("sqlite:{}", file.display()));

    assert_eq!((status, codes(&answer)), (1, vec!["damaged"]), "{answer}");
}

#[test]
fn each_damage_of_a_database_is_found_under_its_name() {
    let Some(database) = PostgresServer::own() else {
        skip("PostgreSQL is not installed");
        return;
    };
    let (url, temp) = (database.new_database(), tempfile::tempdir().unwrap());
    let dir = temp.path().join("data");
    let options = ["serve", "--listen", "127.0.0.1:0", "--store", &url];
    let server = Server::start(&mut counterfoil(&in_dir(&dir, &options)), &temp.path().join("log"));
    fill(&server);
    assert_eq!(check(&dir, &url).0, 0, "{:?}", check(&dir, &url));
    assert!(server.stop(Signal::TERM).success());
    let warnings = run(&in_dir(&dir, &["check", "--store", &url, "--json"])).stdout;
    assert!(warnings.contains("`fsync` is off in PostgreSQL"), "{warnings}");

    for (number, (damage, code)) in DAMAGE.iter().enumerate() {
        let copy = format!("damaged_{number}");
        let (_, name) = url.rsplit_once('/').unwrap();
        database.sql("postgres", &format!("CREATE DATABASE {copy} TEMPLATE {name}"));
        let copy = database.url(&copy);
        // As a program could that ignores the constraints.
        database.sql(&copy, &format!("SET session_replication_role = replica; {damage}"));

        let (status, answer) = check(&dir, &copy);

        assert_eq!(status, 1, "{damage}: {answer}");
        assert!(codes(&answer).contains(code), "{damage}: {answer}");
    }
    database.sql(
        &url,
        "ALTER TABLE sessions DROP COLUMN label; CREATE TRIGGER t BEFORE UPDATE ON users EXECUTE FUNCTION \
                        suppress_redundant_updates_trigger()",
    );
    let (status, answer) = check(&dir, &url);
    assert_eq!((status, codes(&answer)), (1, vec!["damaged", "damaged"]), "{answer}");
}
