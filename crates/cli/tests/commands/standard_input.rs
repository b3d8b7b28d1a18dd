//! `-` is standard input wherever a file is read, and standard output where one is written.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use counterfoil_jose::{Algorithm, SigningKey};

use crate::common::{Server, counterfoil, in_dir, output_of, run, run_with_input};
use crate::{Fixture, PASSWORD, login};

#[test]
fn files_of_operators_are_read_from_standard_input() {
    let fixture = Fixture::new(&["ada"]);
    let users = "{\"username\":\"grace\"}\n{\"username\":\"cleo\"}\n";
    let master_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";
    let commands = || {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        for (command, input) in [
            (&["user", "passwd", "ada", "--password-file", "-"][..], "another horse battery staple\n"),
            (&["user", "import", "-"], users),
            (&["key", "import", "-"], key.to_private_pem().unwrap().expose()),
            (&["key", "rekey", "--new-master-key-file", "-"], master_key),
        ] {
            let output = run_with_input(&in_dir(&fixture.dir, command), input);
            assert_eq!(output.status, 0, "{command:?}: {output:?}");
            assert!(!output.stderr.contains("hint: delete"), "{output:?}");
        }
    };
    commands();
    let server = Server::serve(&fixture.dir);
    commands();

    assert_eq!(login(&server, "ada", "another horse battery staple").0, 200);
    assert_eq!(login(&server, "ada", PASSWORD).0, 401);
    assert_eq!(fixture.json(&["user", "list"])["users"].as_array().unwrap().len(), 3);
    let added =
        run_with_input(&in_dir(&fixture.dir, &["user", "add", "eve", "--password-file", "-"]), PASSWORD);
    assert_eq!(added.status, 0, "{added:?}");
    assert_eq!(login(&server, "eve", PASSWORD).0, 200);
}

#[test]
fn a_new_configuration_goes_to_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let mut init = counterfoil(&["init", "--answers", "-", "--out", "-"]);
    let init =
        init.current_dir(dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut init = init.spawn().unwrap();
    init.stdin
        .take()
        .unwrap()
        .write_all(b"issuer = \"https://auth.example\"\nclients = [\"pages\"]\n")
        .unwrap();
    let output = output_of(init.wait_with_output().unwrap());

    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stderr.contains("mode session"), "{output:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(output.stdout.contains("issuer = \"https://auth.example\"") && !output.stdout.contains("wrote"));
    assert_eq!(run(&["init", "--out", "-", "--json"]).status, 2);
}

#[test]
fn a_backup_goes_through_pipes_and_is_restored_from_one() {
    let fixture = Fixture::new(&["ada"]);
    for is_served in [false, true] {
        let server = is_served.then(|| Server::serve(&fixture.dir));
        let output = counterfoil(&in_dir(&fixture.dir, &["backup", "-"])).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout.starts_with(b"SQLite format 3\0"));
        let left = fs::read_dir(&fixture.dir).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("backup")).collect();
        assert!(left.is_empty(), "{left:?}");
        drop(server);

        let piped = fixture.path("piped.db");
        fs::write(&piped, &output.stdout).unwrap();
        let mut restore = counterfoil(&in_dir(&fixture.dir, &["restore", "-", "--yes"]));
        let restored = restore.stdin(fs::File::open(&piped).unwrap()).output().unwrap();
        assert!(restored.status.success(), "{restored:?}");
        assert_eq!(fixture.json(&["user", "list"])["users"][0]["username"], "ada");
    }
    let with_json = run(&in_dir(&fixture.dir, &["backup", "-", "--json"]));
    assert_eq!((with_json.status, with_json.stdout.as_str()), (2, ""), "{with_json:?}");
}

#[test]
fn the_configuration_and_lists_of_passwords_are_read_from_standard_input() {
    let fixture = Fixture::new(&[]);

    let list = fixture.path("list");
    let built = run_with_input(&["passwords", "build-filter", "-", &list, "--plain"], "password\nqwerty\n");
    assert_eq!(built.stdout, "2 passwords\n", "{built:?}");
    let mut check = counterfoil(&["passwords", "check-filter", "-", "--json"]);
    let checked = check.stdin(fs::File::open(&list).unwrap()).output().unwrap();
    assert!(String::from_utf8(checked.stdout).unwrap().contains("\"passwords\": 2"));
}

#[test]
fn what_is_written_to_a_terminal_or_read_twice_is_refused() {
    let both = run_with_input(&["token", "verify", "-", "--secret-file", "-"], "x");
    assert_eq!(both.status, 2, "{both:?}");
    assert!(both.stderr.contains("standard input"), "{both:?}");
}
