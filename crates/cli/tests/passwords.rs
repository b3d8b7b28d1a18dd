//! Users of other systems, and lists of breached passwords, through the real binary.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{Server, in_dir, run, succeed};

const PASSWORD: &str = "correct horse battery";

/// Made with Python's bcrypt 4.3 and Django 5.2 of [`PASSWORD`].
const OF_BCRYPT: &str = "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";
const OF_DJANGO: &str = "pbkdf2_sha256$1000$seasalt0seasalt0$8mmgILweLi2oumW5jiu+tnZMhjoXFXxjDjKFOORSGMg=";

/// A place with a data directory that is not there yet.
fn fresh() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    (place, dir)
}

/// A file with these lines.
fn file(place: &TempDir, lines: &[String]) -> String {
    let path = place.path().join("users.jsonl");
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
fn who_is_brought_in_logs_in_as_before_with_and_without_a_server() {
    let (place, dir) = fresh();
    let first = file(&place, &[line("ada", OF_BCRYPT)]);
    let before = json_of(&dir, &["user", "import", &first, "--json"]);
    let server = Server::serve(&dir);
    let both = file(&place, &[line("ada", OF_BCRYPT), String::new(), line("bob", OF_DJANGO)]);
    let serving = json_of(&dir, &["user", "import", &both, "--json"]);

    assert_eq!((&before["added"], &before["already_there"]), (&json!(1), &json!(0)));
    assert_eq!((&serving["added"], &serving["already_there"]), (&json!(1), &json!(1)));
    for name in ["ada", "bob"] {
        assert_eq!(login(&server, name, "wrong horse battery"), 401);
        // The second time it is a hash of our own.
        assert_eq!((login(&server, name, PASSWORD), login(&server, name, PASSWORD)), (200, 200));
    }
    let again = json_of(&dir, &["user", "import", &both, "--json"]);
    assert_eq!((&again["added"], &again["already_there"]), (&json!(0), &json!(2)));
}

#[test]
fn one_wrong_line_and_nobody_is_brought_in() {
    let (place, dir) = fresh();
    let lines = [
        line("ada", OF_BCRYPT),
        r#"["bob"]"#.to_owned(),
        line("eve", "md5$salt$0123"),
        String::new(),
        line("ADA", OF_BCRYPT),
        line("mallory", "$2b$31$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS"),
        format!("{{\"username\":\"{}\"}}", "x".repeat(20_000)),
        r#"{"username":"zoe","password":"hunter2"}"#.to_owned(),
    ];

    let said = run(&in_dir(&dir, &["user", "import", &file(&place, &lines)]));

    assert_eq!(said.code, 1, "{said:?}");
    for told in [
        "line 2: ",
        "line 3: password_hash: is of no scheme",
        "line 5: the username stands in line 1 already",
        "line 6: password_hash: would take more work",
        "line 7: is longer than",
        "line 8: ",
        "error: 6 lines are wrong; nobody was brought in",
    ] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    assert!(!said.err.contains("hunter2"));
    assert!(!dir.exists(), "nothing was created");
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let (place, dir) = fresh();
    succeed(&dir, &["user", "import", &file(&place, &[line("ada", OF_BCRYPT)])]);
    let more: Vec<String> = (0..250).map(|n| line(&format!("user{n}"), OF_BCRYPT)).collect();
    let more = file(&place, &more);

    let rehearsed = json_of(&dir, &["user", "import", &more, "--dry-run", "--json"]);
    assert_eq!(json_of(&dir, &["user", "list", "--json"])["users"].as_array().unwrap().len(), 1);
    let added = json_of(&dir, &["user", "import", &more, "--json"]);

    assert_eq!((&rehearsed["added"], &added["added"]), (&json!(250), &json!(250)));
    let listed = json_of(&dir, &["user", "list", "--limit", "1000", "--json"]);
    assert_eq!(listed["users"].as_array().unwrap().len(), 251);
}

#[test]
fn somebody_elses_name_is_told_with_its_line_and_the_others_come_in() {
    let (place, dir) = fresh();
    succeed(&dir, &["user", "import", &file(&place, &[line("ada", OF_BCRYPT)])]);

    let other = file(&place, &[line("ada", OF_DJANGO), line("bob", OF_BCRYPT)]);
    let said = run(&in_dir(&dir, &["user", "import", &other]));

    assert_eq!(said.code, 1);
    assert!(said.err.contains("line 1: another user has this username"), "{said:?}");
    assert!(said.out.contains("added 1, already there 0, wrong 1"), "{said:?}");
}

#[test]
fn a_breached_password_is_refused_with_the_reason() {
    let (place, dir) = fresh();
    let words = place.path().join("words");
    fs::write(&words, "another horse battery\ncorrect horse battery\n").unwrap();
    let list = place.path().join("breached");
    let list = list.to_str().unwrap();
    let built = run(&["passwords", "build-filter", "--plain", words.to_str().unwrap(), list]);
    assert_eq!((built.code, built.out.as_str()), (0, "2 passwords\n"), "{built:?}");
    assert_eq!(run(&["passwords", "check-filter", list]).out, "2 passwords\n");

    let mut serve = common::counterfoil(&in_dir(&dir, &["serve", "--listen", "127.0.0.1:0"]));
    let server = Server::start(serve.env("COUNTERFOIL_BREACHED_PASSWORDS", list), &place.path().join("log"));
    let register =
        |password| server.post("/v1/register", &json!({ "username": "ada", "password": password }));

    let (status, problem) = register(PASSWORD);
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("password")));
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("breach"), "{problem}");
    assert_eq!(register("correct horse stapler").0, 201);
}

#[test]
fn a_list_that_is_damaged_or_none_keeps_the_server_from_starting() {
    let (place, dir) = fresh();
    let (words, list) = (place.path().join("words"), place.path().join("breached"));
    fs::write(&words, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:52256179\r\n").unwrap();
    let built = run(&["passwords", "build-filter", words.to_str().unwrap(), list.to_str().unwrap()]);
    assert_eq!(built.code, 0, "{built:?}");
    let mut broken = fs::read(&list).unwrap();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    fs::write(&list, broken).unwrap();

    for file in [&list, &words, &place.path().join("none")] {
        let said = run(&in_dir(
            &dir,
            &["serve", "--listen", "127.0.0.1:0", "--breached-passwords", file.to_str().unwrap()],
        ));
        assert_eq!(said.code, 1);
        assert!(said.err.contains("breached passwords") && said.err.contains("hint: build it"), "{said:?}");
    }
    assert!(!dir.exists(), "nothing was created");
}

#[test]
fn a_list_is_put_in_place_when_it_is_whole_and_not_before() {
    let (place, _) = fresh();
    let (words, list) = (place.path().join("words"), place.path().join("breached"));
    fs::write(&words, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1\nno hash\n").unwrap();
    fs::write(&list, "what was here before").unwrap();

    let said = run(&["passwords", "build-filter", words.to_str().unwrap(), list.to_str().unwrap()]);

    assert_eq!(said.code, 1);
    assert!(said.err.contains("line 2"), "{said:?}");
    assert_eq!(fs::read_to_string(&list).unwrap(), "what was here before");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing is left lying about");
}
