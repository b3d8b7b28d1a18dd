//! `init` asks, keeps the valid answers, and writes a file whose comments can be uncommented.

use std::fs;

use crate::common::{run, run_with_input};
use crate::write_private;

#[test]
fn a_wrong_answer_is_asked_again() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("c.toml");
    let answers = "http://auth.example\nhttp://127.0.0.1:3070\n1\n\n\ny\n1\nn\n";

    let output = run_with_input(&["init", "--out", out.to_str().unwrap()], answers);

    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(output.stderr.matches("try again").count(), 1, "{output:?}");
    let text = fs::read_to_string(&out).unwrap();
    assert!(text.contains("\nlisten = \"127.0.0.1:3070\"\n"), "{text}");
    let checked = run(&["check", "--config", out.to_str().unwrap(), "--json"]);
    assert!(checked.status == 0 && !checked.stdout.contains("\"listen\""), "{checked:?}");
}

#[test]
fn the_end_of_the_answers_is_an_error_and_writes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("c.toml");

    let output = run_with_input(&["init", "--out", out.to_str().unwrap()], "https://auth.example\n1\n");

    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("the input ended at the question \""), "{output:?}");
    assert!(output.stderr.contains("\nhint: ") && !out.exists(), "{output:?}");
}

#[test]
fn the_recommendations_name_what_pages_on_other_domains_need() {
    let temp = tempfile::tempdir().unwrap();
    let text = "issuer = \"https://auth.example\"\nclients = [\"spa\"]\ndomains = \"many\"\n\
                trusted_origins = [\"https://app.example\"]\n";
    let answers = write_private(temp.path(), "answers", text);
    let out = temp.path().join("c.toml").to_str().unwrap().to_owned();

    let output = run(&["init", "--answers", &answers, "--out", &out, "--json"]);

    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let recommended = &report["recommendations"][0];
    assert_eq!((&recommended["mode"], &recommended["transport"]), (&"hybrid".into(), &"bearer".into()));
    assert!(recommended["reason"].as_str().unwrap().contains("trusted_origins"), "{report}");
    assert!(fs::read_to_string(&out).unwrap().contains("trusted_origins = [\"https://app.example\"]"));
}

/// `check` with the binary on a sample: the unit test of the file validates each line.
#[test]
fn check_accepts_the_file_with_its_comments_uncommented() {
    let temp = tempfile::tempdir().unwrap();
    let answers = write_private(
        temp.path(),
        "answers",
        "issuer = \"https://auth.example\"\nclients = [\"pages\", \"services\"]\n",
    );
    let out = temp.path().join("c.toml");
    assert_eq!(run(&["init", "--answers", &answers, "--out", out.to_str().unwrap()]).status, 0);
    let text = fs::read_to_string(&out).unwrap();
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
            _ => line,
        })
        .collect();
    let dir = format!("\"{}\"", temp.path().join("data").display());
    let uncommented = uncommented.join("\n").replace("\"counterfoil-data\"", &dir);
    fs::write(&out, uncommented).unwrap();

    let checked = run(&["check", "--config", out.to_str().unwrap()]);

    assert_eq!(checked.status, 0, "{checked:?}");
}

#[test]
fn init_refuses_invalid_answers_and_writes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let (answers, out) = (temp.path().join("answers.toml"), temp.path().join("c.toml"));
    for wrong in [
        "issuer = \"http://auth.example\"\nclients = [\"pages\"]\n",
        "issuer = \"https://auth.example\"\nclients = [\"toasters\"]\n",
        "issuer = \"https://auth.example\"\nclients = []\nmore = 1\n",
        "clients = [\"pages\"]\n",
        "nonsense",
    ] {
        fs::write(&answers, wrong).unwrap();

        let output = run(&["init", "--answers", answers.to_str().unwrap(), "--out", out.to_str().unwrap()]);

        assert_eq!(output.status, 2, "{wrong}: {output:?}");
        assert!(!out.exists(), "{wrong}");
    }
}

#[test]
fn init_without_a_terminal_asks_for_a_file_of_answers() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("c.toml");

    let output = run(&["init", "--out", out.to_str().unwrap()]);

    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.stderr.contains("--answers") && !out.exists(), "{output:?}");
}
