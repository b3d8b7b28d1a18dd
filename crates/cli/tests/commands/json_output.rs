//! Every command that changes something prints JSON with `--json`, and its errors to standard error.

use serde_json::Value;

use crate::common::{Server, in_dir, run};
use crate::{Fixture, PASSWORD, login, write_private};

#[test]
fn each_change_is_reported_as_one_json_document() {
    let fixture = Fixture::new(&["ada"]);
    let server = Server::serve(&fixture.dir);
    let session = login(&server, "ada", PASSWORD).1["session"]["id"].as_str().unwrap().to_owned();
    let users = write_private(fixture.temp.path(), "users", "{\"username\":\"grace\"}\n");
    let (backup, password) = (fixture.path("backup.db"), fixture.password.clone());
    let admin_key = fixture.json(&["admin-key", "add", "deploy"])["id"].as_str().unwrap().to_owned();
    let kid = fixture.json(&["key", "list"])["keys"][0]["id"].as_str().unwrap().to_owned();

    for (command, member) in [
        (&["user", "disable", "ada"][..], "disabled_at"),
        (&["user", "enable", "ada"], "disabled_at"),
        (&["user", "roles", "ada", "staff"], "roles"),
        (&["user", "passwd", "ada", "--password-file", &password], "username"),
        (&["user", "import", &users], "added"),
        (&["session", "revoke", &session], "revoked"),
        (&["session", "revoke", "--user", "ada"], "revoked"),
        (&["admin-key", "remove", &admin_key], "id"),
        (&["client", "add", "shop"], "id"),
        (&["client", "set", "shop", "--enabled", "false", "--yes"], "enabled"),
        (&["key", "rotate", "--now"], "state"),
        (&["key", "revoke", &kid, "--yes"], "position"),
        (&["key", "rekey"], "file"),
        (&["rate-limit", "release", "ada"], "rate_limits"),
        (&["token", "mint", "--user", "ada"], "access_token"),
        (&["revoke", "everyone", "--yes"], "position"),
        (&["clock", "accept"], "now"),
        (&["backup", &backup], "file"),
        (&["store", "check"], "findings"),
        (&["user", "delete", "ada", "--yes"], "id"),
    ] {
        let document: Value = fixture.json(command);
        assert!(document.get(member).is_some(), "{command:?}: {document}");
    }
    drop(server);
    assert!(fixture.json(&["restore", &backup, "--yes"]).get("restored_at").is_some());
}

#[test]
fn errors_go_to_standard_error() {
    let fixture = Fixture::new(&["ada"]);
    for command in [
        &["user", "roles", "grace", "staff", "--json"][..],
        &["user", "delete", "grace", "--yes", "--json"],
        &["session", "revoke", "AAAAAAAAAAAAAAAAAAAAAA", "--json"],
        &["admin-key", "remove", "AAAAAAAAAAAAAAAAAAAAAA", "--json"],
        &["key", "revoke", "unknown", "--yes", "--json"],
        &["backup", "/no/such/dir/x", "--json"],
    ] {
        let output = run(&in_dir(&fixture.dir, command));
        assert_eq!((output.status, output.stdout.as_str()), (1, ""), "{command:?}: {output:?}");
        assert!(output.stderr.starts_with("error: "), "{command:?}: {output:?}");
    }
}
