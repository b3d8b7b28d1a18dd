//! Exports of other systems, as those write them: each is imported with the command of `docs/import.md`, and its users
//! log in with what they type.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::path::Path;

use serde_json::{Value, json};

use crate::common::{CommandOutput, Server, in_dir, run, run_with_input};

const DOCUMENT: &str = include_str!("../../../docs/import.md");

const P: &str = "correct horse battery";
const NFC: &str = "cr\u{e8}me br\u{fb}l\u{e9}e \u{e0} la p\u{ea}che";
const NFD: &str = "cre\u{300}me bru\u{302}le\u{301}e a\u{300} la pe\u{302}che";
const LONG: &str = "correct horse battery staple correct horse battery staple correct horse battery staple";
const QUOTED: &str = "it's a \"horse\"";

/// When the exported users registered: 2024-05-01 12:00:00, or some seconds after it.
const REGISTERED_AT: u64 = 1_714_564_800;

/// An export, and what is expected of its import.
struct Export {
    file: &'static str,
    /// The words after `--format` in the documented command.
    format: &'static str,
    /// Options that the command of this file needs in addition.
    options: &'static [&'static str],
    /// The users: what they type, and their `external_id`.
    users: &'static [(&'static str, &'static str, Id)],
    /// Other names of the users, and their passwords.
    other_names: &'static [(&'static str, &'static str)],
    /// Users who cannot log in with [`P`]: they are disabled, or have no password.
    refused: &'static [&'static str],
    left_out: u64,
    has_times: bool,
}

/// An id at the other system.
#[derive(Clone, Copy)]
enum Id {
    Number(u64),
    Text(&'static str),
    /// A random text.
    AnyText,
}

const EXPORT: Export = Export {
    file: "",
    format: "",
    options: &[],
    users: &[],
    other_names: &[],
    refused: &[],
    left_out: 0,
    has_times: true,
};

const ASSUME_VERIFIED: &[&str] = &["--assume-emails-verified"];

impl Export {
    /// The words of the documented command, with `file` in place of the last.
    fn command(&self, file: &str) -> Vec<String> {
        let start = format!("counterfoil user import --format {} ", self.format);
        // Every second part is code.
        let find =
            |line: &'static str| line.split('`').skip(1).step_by(2).find(|code| code.starts_with(&start));
        let line = DOCUMENT.lines().filter(|line| line.starts_with('|')).find_map(find);
        let line = line.unwrap_or_else(|| panic!("docs/import.md has no `{start}...`"));
        let mut words: Vec<String> = line.split(' ').skip(1).map(str::to_owned).collect();
        *words.last_mut().unwrap() = file.to_owned();
        for word in &mut words {
            if word == "hash-config.txt" {
                *word = path("firebase-hash-config.txt");
            }
        }
        words.extend(self.options.iter().map(|&option| option.to_owned()));
        words.push("--json".to_owned());
        words
    }

    fn import(&self, dir: &Path) -> Value {
        let command = self.command(&path(self.file));
        let output = run(&in_dir(dir, &command.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(output.status, 0, "{}: {output:?}", self.file);
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// Imports the file twice, and logs the users in twice: by the imported hash, and by the one that replaced it.
    fn check(&self) {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let summary = self.import(&dir);
        let count = (self.users.len() + self.refused.len()) as u64;
        assert_eq!(
            (summary["added"].as_u64(), summary["left_out"].as_u64()),
            (Some(count), Some(self.left_out))
        );
        assert_eq!(self.import(&dir)["already_exist"], count, "a second import changes nothing");

        let server = Server::serve(&dir);
        for (login, password, id) in self.users {
            if *password == P {
                assert_eq!(log_in(&server, login, "correct horse batterz").0, 401, "{}: {login}", self.file);
            }
            for attempt in ["imported hash", "own hash"] {
                let (status, body) = log_in(&server, login, password);
                assert_eq!(status, 200, "{}: {login}: {attempt}: {body}", self.file);
                self.check_user(&body["user"], *id);
            }
            assert_eq!(log_in(&server, login, "correct horse batterz").0, 401, "{}: {login}", self.file);
        }
        for (login, password) in self.other_names {
            assert_eq!(log_in(&server, login, password).0, 200, "{}: {login}", self.file);
        }
        for login in self.refused {
            assert_eq!(log_in(&server, login, P).0, 401, "{}: {login}", self.file);
        }
    }

    fn check_user(&self, user: &Value, id: Id) {
        match id {
            Id::Number(number) => assert_eq!(user["external_id"], number),
            Id::Text(text) => assert_eq!(user["external_id"], text),
            Id::AnyText => assert!(user["external_id"].is_string(), "{user}"),
        }
        if self.has_times {
            let created_at = user["created_at"].as_u64().unwrap();
            assert!((REGISTERED_AT..REGISTERED_AT + 60).contains(&created_at), "{user}");
        }
        assert_eq!(user["roles"], json!([]), "the rights at the other system are not rights here");
    }
}

fn path(file: &str) -> String {
    format!("{}/tests/exports/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn log_in(server: &Server, login: &str, password: &str) -> (u16, Value) {
    server.post("/v1/login", &json!({ "username": login, "password": password }))
}

fn import_text(format: &str, options: &[&str], text: &str) -> CommandOutput {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let arguments = [&["user", "import", "--format", format, "-"], options].concat();
    run_with_input(&in_dir(&dir, &arguments), text)
}

#[test]
fn django() {
    let users = &[("ada", P, Id::Number(1)), ("grace", NFC, Id::Number(2)), ("hedy", NFD, Id::Number(3))];
    let export = Export { file: "django.json", format: "django", users, ..EXPORT };
    // Mary has an unusable password, and the group is no account.
    Export { refused: &["mary", "alan"], left_out: 1, ..export }.check();
}

#[test]
fn django_with_addresses_as_names() {
    let users = &[
        ("ada@example.com", P, Id::Number(1)),
        ("grace@example.com", NFC, Id::Number(2)),
        ("joan@example.com", LONG, Id::Number(3)),
    ];
    let options = ASSUME_VERIFIED;
    Export { file: "django-email.jsonl", format: "django", options, users, ..EXPORT }.check();
}

#[test]
fn wordpress() {
    let users = &[
        ("ada", P, Id::Number(1)),
        ("grace hopper", NFC, Id::Number(2)),
        ("hedy", NFD, Id::Number(3)),
        ("mary@example.com", LONG, Id::Number(4)),
        ("joan", QUOTED, Id::Number(5)),
    ];
    let export = Export { format: "wordpress", options: ASSUME_VERIFIED, users, ..EXPORT };
    Export { file: "wordpress-6.1.tsv", other_names: &[("ada@example.com", P)], ..export }.check();
}

#[test]
fn wordpress_6_8() {
    let users = &[
        ("ada", P, Id::Number(1)),
        ("grace hopper", NFC, Id::Number(2)),
        ("hedy", NFD, Id::Number(3)),
        ("joan", QUOTED, Id::Number(5)),
    ];
    Export { file: "wordpress-6.8.tsv", format: "wordpress", users, ..EXPORT }.check();
}

#[test]
fn phpbb() {
    let users = &[
        ("ada", P, Id::Number(2)),
        ("grace", NFC, Id::Number(48)),
        ("Joan & Co", "it's a \"horse\" & a <cart>", Id::Number(49)),
    ];
    let export = Export { file: "phpbb.tsv", format: "phpbb", users, ..EXPORT };
    // The guest and a search engine are no accounts.
    Export { refused: &["alan"], left_out: 2, ..export }.check();
}

#[test]
fn flask_and_other_tables() {
    let users = &[("ada", P, Id::Number(1)), ("grace", NFC, Id::Number(2)), ("hedy", NFD, Id::Number(3))];
    Export { file: "flask.csv", format: "csv", users, has_times: false, ..EXPORT }.check();
}

#[test]
fn laravel() {
    let users = &[
        ("ada@example.com", P, Id::Number(1)),
        ("hedy@example.com", NFD, Id::Number(2)),
        ("joan@example.com", LONG, Id::Number(3)),
        ("grace@example.com", NFC, Id::Number(4)),
    ];
    Export { file: "laravel.csv", format: "laravel", options: ASSUME_VERIFIED, users, ..EXPORT }.check();
}

#[test]
fn devise() {
    let users = &[
        ("ada@example.com", P, Id::Number(1)),
        ("hedy@example.com", NFD, Id::Number(2)),
        ("joan@example.com", LONG, Id::Number(3)),
    ];
    Export { file: "devise.csv", format: "devise", users, ..EXPORT }.check();
}

#[test]
fn ldap() {
    let users = &[
        ("ada", P, Id::AnyText),
        ("grace", NFC, Id::AnyText),
        ("hedy", NFD, Id::AnyText),
        ("mary", P, Id::AnyText),
    ];
    let export = Export { file: "ldap.ldif", format: "ldif", users, ..EXPORT };
    // The organization, the unit and the group are no accounts.
    Export { refused: &["alan"], left_out: 3, ..export }.check();
}

#[test]
fn aspnet_core_identity() {
    let users =
        &[("ada", P, Id::AnyText), ("grace@example.com", NFC, Id::AnyText), ("hedy", NFD, Id::AnyText)];
    let export = Export { file: "aspnet.csv", format: "aspnet", users, has_times: false, ..EXPORT };
    Export { refused: &["alan"], ..export }.check();
}

#[test]
fn better_auth() {
    let users = &[
        ("ada@example.com", P, Id::Text("9h5Ndaz5L5uafauCoL8XpusbDKSROjOE")),
        ("grace@example.com", NFC, Id::AnyText),
        ("hedy@example.com", NFD, Id::AnyText),
    ];
    let options = ASSUME_VERIFIED;
    Export { file: "better-auth.csv", format: "better-auth", options, users, ..EXPORT }.check();
}

#[test]
fn firebase() {
    let users = &[
        ("ada@example.com", P, Id::Text("Zq3rVb0Qm1TtYkq4V0sWcU9d8l12")),
        ("grace@example.com", NFC, Id::AnyText),
    ];
    let export = Export { file: "firebase.json", format: "firebase", users, ..EXPORT };
    // Mary has no password: she logs in with Google. The anonymous user is no account.
    Export { refused: &["alan@example.com", "mary@example.com"], left_out: 1, ..export }.check();
}

#[test]
fn supabase() {
    let users = &[
        ("ada@example.com", P, Id::Text("6f1c2f0e-58a5-4a43-9a6f-1d3b8a3a7c01")),
        ("grace@example.com", NFC, Id::AnyText),
    ];
    let export = Export { file: "supabase.csv", format: "supabase", users, ..EXPORT };
    Export { refused: &["alan@example.com", "mary@example.com"], left_out: 1, ..export }.check();
}

#[test]
fn auth0() {
    let users = &[
        ("ada@example.com", P, Id::Text("auth0|60425da93519d90068f82960")),
        ("hedy@example.com", NFD, Id::AnyText),
        ("joan", LONG, Id::AnyText),
    ];
    Export { file: "auth0.ndjson", format: "auth0", users, has_times: false, ..EXPORT }.check();
}

#[test]
fn keycloak() {
    let users =
        &[("ada", P, Id::AnyText), ("grace", NFC, Id::AnyText), ("hedy@example.com", NFD, Id::AnyText)];
    let export = Export { file: "keycloak.json", format: "keycloak", users, ..EXPORT };
    // The account of a service is left out.
    Export { refused: &["alan"], left_out: 1, ..export }.check();
}

#[test]
fn an_error_names_the_record_and_the_field_of_the_other_system() {
    let header = "ID,user_login,user_pass,user_email\n";
    let wordpress = import_text("wordpress", &[], &format!("{header}1,ada,,\n2,grace,\"a\nb\",\n3,joan\n"));
    let django = import_text("django", &[], r#"[{"fields": {"username": "ada", "password": "md5$x$y"}}]"#);

    for message in [
        "line 3: user_pass: has an unknown scheme",
        "line 5: has 2 fields, but the header has 4",
        "error: 2 lines are invalid; no user was imported",
    ] {
        assert!(wordpress.stderr.contains(message), "{message}: {wordpress:?}");
    }
    assert!(django.stderr.contains("record 1: password: has an unknown scheme"), "{django:?}");
    assert_eq!((wordpress.status, django.status), (1, 1));
}

#[test]
fn a_file_of_another_system_is_refused_with_what_is_missing() {
    for (format, text, message) in [
        ("wordpress", "id,email\n1,ada@example.com\n", "line 1: the header has no column `ID`"),
        ("csv", "id,login\n1,ada\n", "line 1: the header has no column `username` or `email`"),
        ("firebase", r#"{"accounts": []}"#, "the document has no list `users`"),
        ("keycloak", "[]", "the document must be a JSON object with a list `users`"),
        ("django", "username,password\n", "the document is not valid"),
        ("django", "{}\n\n{\"a\" 1}\n", "line 3: not JSON at column 6"),
    ] {
        let output = import_text(format, &[], text);
        assert_eq!(output.status, 1, "{format}: {output:?}");
        assert!(output.stderr.contains(&format!("error: {message}")), "{format}: {output:?}");
    }
    let auth0 = import_text("auth0", &[], "{\"username\":\"ada\"}\n{\"a\" 1}\n");
    assert!(auth0.stderr.starts_with("line 2: not JSON at column 6\n"), "{auth0:?}");
}

#[test]
fn a_dry_run_before_the_first_start_creates_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");

    let output =
        run(&in_dir(&dir, &["user", "import", "--format", "django", &path("django.json"), "--dry-run"]));

    assert_eq!(output.stdout, "would add 5, already exist 0, invalid 0, left out 1 that are no accounts\n");
    assert!(!dir.exists(), "{output:?}");
}

#[test]
fn an_export_without_its_format_is_refused_with_the_option() {
    let output = import_text("jsonl", &[], "id,email\n1,ada@example.com\n");

    assert!(
        output.stderr.contains("line 1: must be a JSON object; for an export of another system use --format")
    );
}

#[test]
fn firebase_hashes_need_the_parameters_of_the_project() {
    let text = std::fs::read_to_string(path("firebase.json")).unwrap();

    let output = import_text("firebase", &[], &text);

    assert_eq!(output.status, 1);
    assert!(output.stderr.contains("record 1: passwordHash: needs the hash parameters"), "{output:?}");
}

#[test]
fn a_user_with_an_unverified_address_alone_is_refused_with_a_way_out() {
    let text = "id,email,password\n1,ada@example.com,\n2,,\n";

    let refused = import_text("laravel", &[], text);
    let some = import_text("laravel", &["--assume-emails-verified", "--skip-invalid"], text);

    assert!(refused.stderr.contains("line 2: username: is required for a user without a verified address"));
    assert!(refused.stderr.contains("hint: ") && refused.stderr.contains("--assume-emails-verified"));
    assert_eq!((some.status, some.stdout.as_str()), (0, "added 1, already exist 0, invalid 1\n"), "{some:?}");
    assert!(some.stderr.contains("line 3: username: is required"), "{some:?}");
}
