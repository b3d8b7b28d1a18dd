//! `pages export` writes what `[pages] templates` and `texts` read, and replaces nothing without `--force`.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::common::run;

#[test]
fn what_is_exported_is_a_valid_theme() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("theme");
    let dir = dir.to_str().unwrap();

    let output = run(&["pages", "export", dir, "--json"]);

    assert_eq!(output.status, 0, "{output:?}");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&report["contract"], report["texts"].as_array().unwrap().len()), (&1.into(), 6));
    assert_eq!(report["texts"][0], format!("{dir}/texts/en.ftl"));
    let templates: Vec<_> =
        report["templates"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    assert!(templates.contains(&format!("{dir}/templates/console/users.html").as_str()), "{templates:?}");
    assert!(templates.iter().all(|path| fs::read_to_string(path).is_ok_and(|text| !text.is_empty())));

    let config = temp.path().join("c.toml");
    let text = format!(
        "issuer = \"https://auth.example\"\n[pages]\ntemplates = \"{dir}/templates\"\ntexts = \"{dir}/texts\"\n"
    );
    fs::write(&config, text).unwrap();
    let checked = run(&["check", "--config", config.to_str().unwrap(), "--json"]);
    assert_eq!(checked.status, 0, "{checked:?}");
}

#[test]
fn a_directory_with_other_files_is_not_changed_without_force() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().to_str().unwrap();
    fs::write(temp.path().join("notes"), "mine").unwrap();

    let refused = run(&["pages", "export", dir]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains(" is not empty, and was not changed\nhint: "), "{refused:?}");
    assert!(!temp.path().join("texts").exists());

    let forced = run(&["pages", "export", dir, "--force"]);
    assert_eq!(forced.status, 0, "{forced:?}");
    assert!(
        forced.stdout.starts_with("wrote ") && forced.stdout.contains("(contract 1)\nnext: "),
        "{forced:?}"
    );
    assert_eq!(fs::read_to_string(temp.path().join("notes")).unwrap(), "mine");
    fs::write(temp.path().join("texts/de.ftl"), "sign-in = Hinein").unwrap();
    assert_eq!(run(&["pages", "export", dir, "--force"]).status, 0);
    assert!(!fs::read_to_string(temp.path().join("texts/de.ftl")).unwrap().contains("Hinein"));
}

/// What another user of the machine has put there may lead to any file of this one.
#[test]
fn a_link_is_not_written_through() {
    let temp = tempfile::tempdir().unwrap();
    let target = temp.path().join("target");
    fs::write(&target, "mine").unwrap();
    let dir = temp.path().join("theme");
    fs::create_dir_all(dir.join("texts")).unwrap();
    symlink(&target, dir.join("texts/en.ftl")).unwrap();

    let output = run(&["pages", "export", dir.to_str().unwrap(), "--force"]);

    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("it is not a regular file"), "{output:?}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
}
