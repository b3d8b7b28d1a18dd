//! `user roles`, and the last administrator.

use rustix::process::Signal;
use serde_json::json;

use crate::common::{Server, in_dir, run};
use crate::{Fixture, write_private};

#[test]
fn roles_are_shown_set_added_removed_and_cleared() {
    let fixture = Fixture::new(&["ada"]);
    let roles = |more: &[&str]| fixture.json(&[&["user", "roles", "ada"], more].concat())["roles"].clone();

    assert_eq!(roles(&["staff", "editor"]), json!(["staff", "editor"]));
    assert_eq!(roles(&[]), json!(["staff", "editor"]), "without roles nothing is changed");
    let shown = fixture.succeed(&["user", "roles", "ada"]);
    assert!(shown.starts_with("ada (") && shown.ends_with("): staff editor\n"), "{shown}");
    assert_eq!(roles(&["--add", "auditor", "--remove", "staff"]), json!(["editor", "auditor"]));
    assert_eq!(roles(&["--clear"]), json!([]));
    assert!(fixture.succeed(&["user", "roles", "ada"]).ends_with("no roles\n"));
    for contradiction in [&["staff", "--add", "x"][..], &["--clear", "--add", "x"], &["staff", "--clear"]] {
        let output = run(&in_dir(&fixture.dir, &[&["user", "roles", "ada"], contradiction].concat()));
        assert_eq!(output.status, 2, "{contradiction:?}: {output:?}");
    }
}

#[test]
fn the_last_administrator_is_kept_with_and_without_a_server() {
    let fixture = Fixture::new(&["root", "ada"]);
    fixture.succeed(&["user", "roles", "root", "admin"]);
    let import = write_private(fixture.temp.path(), "users", "{\"username\":\"root\",\"roles\":[]}\n");
    let attempts = || {
        for way in [
            &["user", "roles", "root", "editor"][..],
            &["user", "roles", "root", "--clear"],
            &["user", "roles", "root", "--remove", "admin"],
            &["user", "disable", "root"],
            &["user", "delete", "root", "--yes"],
        ] {
            let output = run(&in_dir(&fixture.dir, way));
            assert_eq!((output.status, output.stdout.as_str()), (1, ""), "{way:?}: {output:?}");
            assert!(
                output.stderr.starts_with("error: the user is the last administrator\nhint: "),
                "{output:?}"
            );
            assert!(output.stderr.contains("user roles NAME --add admin"), "{output:?}");
        }
        assert_ne!(run(&in_dir(&fixture.dir, &["user", "import", &import])).status, 0, "the name is taken");
        assert_eq!(fixture.json(&["user", "roles", "root"])["roles"], json!(["admin"]));
    };
    attempts();
    let server = Server::serve(&fixture.dir);
    attempts();

    fixture.succeed(&["user", "roles", "ada", "--add", "admin"]);
    fixture.succeed(&["user", "disable", "root"]);
    assert_eq!(
        run(&in_dir(&fixture.dir, &["user", "disable", "ada"])).status,
        1,
        "the other one is disabled"
    );
    assert!(server.stop(Signal::TERM).success());
}
