//! Pages whose commands run in the tests, and the numbers in the README that are measured.

use std::fs;

use serde_json::json;

use crate::common::console::assert_prints_what_it_shows;
use crate::common::{Server, counterfoil, in_dir};
use crate::names::root;

/// Pages with commands to copy and their output, each with the least number of such blocks.
const PAGES: [(&str, usize); 3] =
    [("docs/resource-server.md", 3), ("docs/sessions-and-jwt.md", 14), ("docs/revocation.md", 4)];

/// The folder that pages name for that of `counterfoil dev`.
const DEV_DATA: &str = "/tmp/counterfoil-dev-1234";

#[test]
fn the_commands_on_pages_print_what_the_pages_show() {
    for (page, least) in PAGES {
        let dir = tempfile::tempdir().unwrap();
        let (server, banner) = Server::dev(&dir.path().join("log"));
        let data = banner.lines().find_map(|line| line.strip_prefix("Data: ")?.split_once(" (")).unwrap().0;
        let text = fs::read_to_string(root().join(page)).unwrap().replace(DEV_DATA, data);

        let blocks = assert_prints_what_it_shows(&text, server.port());

        assert!(blocks >= least, "{page} has only {blocks} blocks of commands");
    }
}

/// The bytes of the credential that a client sends with each request: session token, JWT, and JWT of mode `hybrid`.
fn credential_sizes() -> [usize; 3] {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let options = ["--issuer", "https://auth.example", "serve", "--listen", "127.0.0.1:0"];
    let server = Server::start(&mut counterfoil(&in_dir(&data, &options)), &dir.path().join("log"));
    let form = json!({ "username": "ada", "password": "seven lamps for the lighthouse" });
    assert_eq!(server.post("/v1/register", &form).0, 201);
    [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")].map(
        |(mode, member)| {
            let mut form = form.clone();
            form["mode"] = mode.into();
            let (status, login) = server.post("/v1/login", &form);
            assert_eq!(status, 200, "{login}");
            login[member].as_str().unwrap().len()
        },
    )
}

#[test]
fn the_readme_states_the_measured_size_of_credentials() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with("| size of the credential |")).unwrap();
    let stated: Vec<usize> =
        row.split(|letter: char| !letter.is_ascii_digit()).filter_map(|text| text.parse().ok()).collect();

    let measured = credential_sizes();

    assert_eq!(stated.len(), 3, "{row}");
    assert_eq!(stated[0], measured[0], "the session token; README: {row}");
    for (stated, measured) in stated.iter().zip(&measured).skip(1) {
        // A claim is added or removed by a setting, and the position in the log has one digit or more.
        assert!(stated.abs_diff(*measured) <= 5, "measured {measured}; README: {row}");
    }
}
