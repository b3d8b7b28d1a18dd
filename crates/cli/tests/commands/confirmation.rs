//! Commands ask before they do what cannot be undone.

use std::process::{Command, Stdio};

use counterfoil_test_support::skip;
use serde_json::json;

use crate::common::{Server, in_dir, output_of, run};
use crate::{Fixture, PASSWORD, login};

/// Runs the command on a terminal that `script` makes, with this answer.
fn run_on_terminal(arguments: &[&str], answer: &str) -> Option<String> {
    let quoted = |text: &&str| format!("'{text}'");
    let line = arguments.iter().map(quoted).collect::<Vec<_>>().join(" ");
    let line = format!("{} {line}", env!("CARGO_BIN_EXE_counterfoil"));
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    use std::io::Write as _;
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = output_of(child.wait_with_output().unwrap());
    Some(format!("{}\nstatus {}", output.stdout, output.status))
}

#[test]
fn without_a_terminal_they_need_yes_and_say_what_would_end() {
    let fixture = Fixture::new(&["ada"]);
    let server = Server::serve(&fixture.dir);
    for _ in 0..2 {
        assert_eq!(login(&server, "ada", PASSWORD).0, 200);
    }
    fixture.succeed(&["client", "add", "shop"]);
    let kid = fixture.json(&["key", "list"])["keys"][0]["id"].as_str().unwrap().to_owned();
    let key = format!("key:{kid}");
    let backup = fixture.path("backup.db");
    fixture.succeed(&["backup", &backup]);

    for (command, consequence) in [
        (&["user", "delete", "ada"][..], "2 active sessions"),
        (&["revoke", "everyone"], "2 active sessions will end"),
        (&["revoke", "client:default"], "2 active sessions will end"),
        (&["revoke", "client:shop"], "0 active sessions will end"),
        (&["client", "set", "default", "--enabled", "false"], "2 active sessions"),
        (&["revoke", &key], "every access token that it signed"),
        (&["key", "revoke", &kid], "every access token that it signed"),
        (&["restore", &backup], "All users will be logged out"),
    ] {
        for json in [&[][..], &["--json"]] {
            let output = run(&in_dir(&fixture.dir, &[command, json].concat()));
            assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{command:?}: {output:?}");
            assert!(output.stderr.contains(consequence), "{command:?}: {output:?}");
            assert!(
                output.stderr.contains("nothing was changed\nhint: add --yes"),
                "{command:?}: {output:?}"
            );
        }
    }
    assert_eq!(fixture.json(&["session", "list", "ada"])["sessions"].as_array().unwrap().len(), 2);
    let keys = fixture.json(&["key", "list"])["keys"].clone();
    let states: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert!(states.len() == 2 && states.contains(&"current") && states.contains(&"next"), "{states:?}");

    for (unknown, error) in [
        (&["user", "delete", "grace"][..], "error: there is no user \"grace\""),
        (&["revoke", "client:library"], "error: there is no client \"library\""),
        (&["client", "set", "library", "--enabled", "false"], "error: there is no client \"library\""),
        (&["revoke", "key:none"], "error: there is no key \"none\""),
        (&["key", "revoke", "none"], "error: there is no key \"none\""),
        (&["restore", "/no/such/backup"], "error: cannot read /no/such/backup"),
    ] {
        let output = run(&in_dir(&fixture.dir, unknown));
        assert!(output.status != 0 && output.stderr.starts_with(error), "{unknown:?}: {output:?}");
        assert!(!output.stderr.contains("--yes"), "there is nothing to confirm: {output:?}");
    }
    fixture.succeed(&["key", "revoke", &kid, "--yes"]);
    fixture.succeed(&["revoke", "everyone", "--yes"]);
    assert_eq!(fixture.json(&["session", "list", "ada"])["sessions"], json!([]));
    fixture.succeed(&["user", "delete", "ada", "--yes"]);
}

#[test]
fn what_concerns_one_user_and_can_be_repeated_is_not_confirmed() {
    let fixture = Fixture::new(&["ada"]);
    let id = fixture.json(&["user", "show", "ada"])["user"]["id"].as_str().unwrap().to_owned();
    for command in [
        &["revoke", &format!("user:{id}")][..],
        &["session", "revoke", "--user", "ada"],
        &["user", "disable", "ada"],
        &["user", "enable", "ada"],
        &["client", "set", "default", "--name", "Shop"],
        &["key", "rotate", "--now"],
    ] {
        fixture.succeed(command);
    }
}

#[test]
fn on_a_terminal_the_answer_decides() {
    let fixture = Fixture::new(&["ada"]);
    let delete = in_dir(&fixture.dir, &["user", "delete", "ada"]);
    let Some(refused) = run_on_terminal(&delete, "n\n") else {
        return skip("`script` is not installed");
    };
    assert!(refused.contains("the user ada (") && refused.contains("0 active sessions"), "{refused}");
    assert!(refused.contains("Delete this user? [y/N]") && refused.ends_with("status 1"), "{refused}");
    assert_eq!(fixture.json(&["user", "show", "ada"])["user"]["username"], "ada");

    let confirmed = run_on_terminal(&delete, "y\n").unwrap();
    assert!(confirmed.contains("deleted ") && confirmed.ends_with("status 0"), "{confirmed}");
    assert_eq!(run(&in_dir(&fixture.dir, &["user", "show", "ada"])).status, 1);
}
