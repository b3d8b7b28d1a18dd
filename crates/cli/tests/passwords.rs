//! The import of users, and lists of breached passwords.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, in_dir, run, succeed};

const PASSWORD: &str = "correct horse battery";

/// Hashes of [`PASSWORD`] by Python's bcrypt 4.3 and Django 5.2.
const BCRYPT_HASH: &str = "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";
const DJANGO_HASH: &str = "pbkdf2_sha256$1000$seasalt0seasalt0$8mmgILweLi2oumW5jiu+tnZMhjoXFXxjDjKFOORSGMg=";

/// A data directory that does not exist yet.
fn fresh() -> (TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    (temp, dir)
}

/// Writes a file with these lines.
fn write_lines(temp: &TempDir, lines: &[String]) -> String {
    let path = temp.path().join("users.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn line(username: &str, hash: &str) -> String {
    json!({ "username": username, "password_hash": hash }).to_string()
}

fn json_of(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(dir, arguments)).unwrap()
}

fn login(server: &Server, username: &str, password: &str) -> u16 {
    server.post("/v1/login", &json!({ "username": username, "password": password })).0
}

#[test]
fn imported_users_log_in_with_their_passwords_with_and_without_a_server() {
    let (temp, dir) = fresh();
    let first = write_lines(&temp, &[line("ada", BCRYPT_HASH)]);
    let before = json_of(&dir, &["user", "import", &first, "--json"]);
    let server = Server::serve(&dir);
    let both = write_lines(&temp, &[line("ada", BCRYPT_HASH), String::new(), line("bob", DJANGO_HASH)]);
    let serving = json_of(&dir, &["user", "import", &both, "--json"]);

    assert_eq!((&before["added"], &before["already_exist"]), (&json!(1), &json!(0)));
    assert_eq!((&serving["added"], &serving["already_exist"]), (&json!(1), &json!(1)));
    for name in ["ada", "bob"] {
        assert_eq!(login(&server, name, "wrong horse battery"), 401);
        // The first login replaced the hash by our own.
        assert_eq!((login(&server, name, PASSWORD), login(&server, name, PASSWORD)), (200, 200));
    }
    let again = json_of(&dir, &["user", "import", &both, "--json"]);
    assert_eq!((&again["added"], &again["already_exist"]), (&json!(0), &json!(2)));
}

#[test]
fn a_temporary_password_is_said_at_each_login_and_to_administrators_until_it_is_changed() {
    let (temp, dir) = fresh();
    let table = temp.path().join("users.csv");
    fs::write(&table, format!("login,hash,temporary\nada,{BCRYPT_HASH},yes\nbob,{BCRYPT_HASH},no\n"))
        .unwrap();
    let columns = ["username=login", "password_hash=hash", "password_change_required=temporary"];
    let columns = columns.iter().flat_map(|column| ["--column", *column]);
    let import = ["user", "import", "--format", "csv", table.to_str().unwrap()];
    succeed(&dir, &import.into_iter().chain(columns).collect::<Vec<_>>());
    let server = Server::serve(&dir);
    let login = |name: &str, password: &str| {
        let (status, answer) = server.post("/v1/login", &json!({ "username": name, "password": password }));
        assert_eq!(status, 200, "{answer}");
        answer["user"].get("password_change_required").cloned()
    };

    assert_eq!([login("ada", PASSWORD), login("ada", PASSWORD)], [Some(json!(true)), Some(json!(true))]);
    assert_eq!(login("bob", PASSWORD), None);
    assert!(succeed(&dir, &["user", "show", "ada"]).contains("password  temporary, to be changed"));
    assert!(!succeed(&dir, &["user", "show", "bob"]).contains("temporary"));
    let shown = json_of(&dir, &["user", "show", "ada", "--json"]);
    assert_eq!(shown["user"]["password_change_required"], true);

    let unchanged = json!({ "username": "ada", "current_password": PASSWORD, "new_password": PASSWORD });
    let (status, answer) = server.post("/v1/password", &unchanged);
    assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!("new_password")), "{answer}");
    assert!(answer.to_string().contains("must not be the temporary password"), "{answer}");
    assert_eq!(login("ada", PASSWORD), Some(json!(true)));
    let new = "a walk in the park";
    let change = json!({ "username": "ada", "current_password": PASSWORD, "new_password": new });
    assert_eq!(server.post("/v1/password", &change).0, 204);
    assert_eq!(login("ada", new), None);
    assert!(!succeed(&dir, &["user", "show", "ada"]).contains("temporary"));
}

#[test]
fn one_invalid_line_prevents_the_whole_import() {
    let (temp, dir) = fresh();
    let lines = [
        line("ada", BCRYPT_HASH),
        r#"["bob"]"#.to_owned(),
        line("eve", "md5$salt$0123"),
        String::new(),
        line("ADA", BCRYPT_HASH),
        line("mallory", "$2b$31$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS"),
        format!("{{\"username\":\"{}\"}}", "x".repeat(20_000)),
        r#"{"username":"zoe","password":"hunter2"}"#.to_owned(),
        r#"{"username":"kim","email":["hunter2"]}"#.to_owned(),
    ];

    let output = run(&in_dir(&dir, &["user", "import", &write_lines(&temp, &lines)]));

    assert_eq!(output.status, 1, "{output:?}");
    for message in [
        "line 2: ",
        "line 3: password_hash: has an unknown scheme",
        "line 5: the same user is already in line 1",
        "line 6: password_hash: exceeds the limit of work",
        "line 7: must have at most",
        "line 8: password: unknown member, expected one of `username`",
        "line 9: email: must be a string\n",
        "error: 7 lines are invalid; no user was imported",
    ] {
        assert!(output.stderr.contains(message), "{message}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("hunter2") && !output.stderr.contains(" at line "), "{output:?}");
    assert!(!dir.exists(), "nothing was created");
}

#[test]
fn a_dry_run_reports_the_result_and_changes_nothing() {
    let (temp, dir) = fresh();
    succeed(&dir, &["user", "import", &write_lines(&temp, &[line("ada", BCRYPT_HASH)])]);
    let more: Vec<String> = (0..250).map(|n| line(&format!("user{n}"), BCRYPT_HASH)).collect();
    let more = write_lines(&temp, &more);

    let dry_run = json_of(&dir, &["user", "import", &more, "--dry-run", "--json"]);
    assert_eq!(json_of(&dir, &["user", "list", "--json"])["users"].as_array().unwrap().len(), 1);
    let added = json_of(&dir, &["user", "import", &more, "--json"]);

    assert_eq!((&dry_run["added"], &added["added"]), (&json!(250), &json!(250)));
    let listed = json_of(&dir, &["user", "list", "--limit", "1000", "--json"]);
    assert_eq!(listed["users"].as_array().unwrap().len(), 251);
}

#[test]
fn an_existing_username_is_reported_with_its_line_and_the_other_users_are_imported() {
    let (temp, dir) = fresh();
    succeed(&dir, &["user", "import", &write_lines(&temp, &[line("ada", BCRYPT_HASH)])]);

    let other = write_lines(&temp, &[line("ada", DJANGO_HASH), line("bob", BCRYPT_HASH)]);
    let output = run(&in_dir(&dir, &["user", "import", &other]));

    assert_eq!(output.status, 1);
    assert!(output.stderr.contains("line 1: another user has this username"), "{output:?}");
    assert!(output.stdout.contains("added 1, already exist 0, invalid 1"), "{output:?}");
}

#[test]
fn a_breached_password_is_refused_with_the_reason() {
    let (temp, dir) = fresh();
    let words = temp.path().join("words");
    fs::write(&words, "another horse battery\ncorrect horse battery\n").unwrap();
    let list = temp.path().join("breached");
    let list = list.to_str().unwrap();
    let built = run(&["passwords", "build-filter", "--plain", words.to_str().unwrap(), list]);
    assert_eq!((built.status, built.stdout.as_str()), (0, "2 passwords\n"), "{built:?}");
    assert_eq!(run(&["passwords", "check-filter", list]).stdout, "2 passwords\n");

    let mut serve = common::counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0"]));
    let server = Server::start(serve.env("COUNTERFOIL_BREACHED_PASSWORDS", list), &temp.path().join("log"));
    let register =
        |password| server.post("/v1/register", &json!({ "username": "ada", "password": password }));

    let (status, problem) = register(PASSWORD);
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("password")));
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("breach"), "{problem}");
    assert_eq!(register("correct horse stapler").0, 201);
}

#[test]
fn the_server_does_not_start_with_a_damaged_or_missing_list() {
    let (temp, dir) = fresh();
    let (words, list) = (temp.path().join("words"), temp.path().join("breached"));
    fs::write(&words, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:52256179\r\n").unwrap();
    let built = run(&["passwords", "build-filter", words.to_str().unwrap(), list.to_str().unwrap()]);
    assert_eq!(built.status, 0, "{built:?}");
    let mut broken = fs::read(&list).unwrap();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    fs::write(&list, broken).unwrap();

    for file in [&list, &words, &temp.path().join("none")] {
        let output = run(&in_dir(
            &dir,
            &["serve", "--listen", "127.0.0.1:0", "--breached-passwords", file.to_str().unwrap()],
        ));
        assert_eq!(output.status, 1);
        assert!(
            output.stderr.contains("breached passwords") && output.stderr.contains("hint: build the file"),
            "{output:?}"
        );
    }
    assert!(!dir.exists(), "nothing was created");
}

#[test]
fn an_existing_list_is_replaced_only_by_a_complete_one() {
    let (temp, _) = fresh();
    let (words, list) = (temp.path().join("words"), temp.path().join("breached"));
    fs::write(&words, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1\nno hash\n").unwrap();
    fs::write(&list, "the previous list").unwrap();

    let output = run(&["passwords", "build-filter", words.to_str().unwrap(), list.to_str().unwrap()]);

    assert_eq!(output.status, 1);
    assert!(output.stderr.contains("line 2"), "{output:?}");
    assert_eq!(fs::read_to_string(&list).unwrap(), "the previous list");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "no temporary file remains");
}
