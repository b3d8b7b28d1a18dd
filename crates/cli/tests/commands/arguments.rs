//! Errors of arguments are about the command that was typed.

use crate::common::run;

#[test]
fn a_mistyped_option_is_corrected_to_one_of_the_same_command() {
    for (line, expected) in [
        (&["user", "add", "ada", "--emial", "a@b.example"][..], "--email"),
        (&["user", "list", "--jsn"], "--json"),
        (&["serve", "--registraton", "open"], "--registration"),
        (&["session", "revoke", "--usr", "ada"], "--user"),
    ] {
        let output = run(line);
        assert_eq!(output.status, 2, "{line:?}: {output:?}");
        assert!(output.stderr.contains(expected), "{line:?}: {output:?}");
    }
}

#[test]
fn no_error_suggests_an_option_that_the_command_does_not_have() {
    let options =
        ["--registraton", "--listn", "--isuer", "--refresh-reuse-grce", "--metrics-listn", "--emial"];
    for command in [
        &["user", "list"][..],
        &["user", "roles", "ada"],
        &["session", "list", "ada"],
        &["key", "rotate"],
        &["backup", "x"],
        &["openapi"],
        &["token", "inspect", "x"],
    ] {
        let help = run(&[command, &["--help"]].concat()).stdout;
        for option in options {
            for line in [[command, &[option, "x"]].concat(), [&[option, "x"], command].concat()] {
                let output = run(&line);
                assert_eq!(output.status, 2, "{line:?}: {output:?}");
                let words = output.stderr.split([' ', '\'', '\n', '=', ',']);
                for suggested in
                    words.filter(|word| word.starts_with("--") && *word != "--" && *word != option)
                {
                    let known = ["--help", "--version"].contains(&suggested) || help.contains(suggested);
                    assert!(known, "{line:?} suggests {suggested}: {}", output.stderr);
                }
            }
        }
    }
}

#[test]
fn an_option_of_another_command_is_refused_with_the_options_of_this_one() {
    let before = run(&["--registration", "open", "user", "list"]);
    assert_eq!(before.status, 2, "{before:?}");
    assert!(before.stderr.contains("the command 'user list' does not read the setting '--registration'"));

    for (line, expected) in
        [(&["usr", "list"][..], "user"), (&["user", "lst"], "list"), (&["sesion"], "session")]
    {
        let output = run(line);
        assert!(output.status == 2 && output.stderr.contains(expected), "{line:?}: {output:?}");
    }
}

#[test]
fn redis_is_refused_as_a_store_with_the_reason_and_the_way() {
    let output = run(&["check", "--store", "redis://cache:6379"]);

    assert_eq!(output.status, 1, "{output:?}");
    let said = output.stdout + &output.stderr;
    assert!(said.contains("sessions are not kept in Redis") && said.contains("use sqlite:FILE"), "{said}");
}
