//! Runs the walk-through of the README, and compares the output with the documented one.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::path::Path;

use rustix::process::Signal;

use crate::common::Server;
use crate::common::console::{assert_prints_what_it_shows, line_matches, lines_match, steps};

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let temp = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&temp.path().join("log"));

    let commands = assert_prints_what_it_shows(&readme, server.port());

    assert!(commands >= 8, "the walk-through has only {commands} commands");
    println!("{commands} commands of the README");
    server.stop(Signal::TERM);
}

#[test]
fn only_console_blocks_and_commands_with_their_output_are_read() {
    let document = "$ not this\n```sh\nnor this\n```\n```console\n$ one \\\n> two\nout\n```\n\
                    ```sh\nthree\nfour\n```\ntext\n```text\nout\n```\n```sh\nnot this\n```\n";

    let [console, copied] = &steps(document)[..] else { panic!("{:?}", steps(document)) };
    assert_eq!((console.command.as_str(), &console.expected[..]), ("one \\\ntwo", &["out".to_owned()][..]));
    assert_eq!((copied.command.as_str(), &copied.expected[..]), ("three\nfour", &["out".to_owned()][..]));
}

#[test]
fn the_walk_through_can_be_copied_and_ends_with_a_logout() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();

    let steps = steps(&readme);

    assert!(!readme.contains("```console") && steps.iter().all(|step| !step.command.contains("\n$ ")));
    let last = steps.last().unwrap();
    assert!(
        last.command.contains("/v1/logout") && last.expected.iter().any(|line| line == "204"),
        "{last:?}"
    );
}

#[test]
fn only_an_ellipsis_matches_any_text() {
    assert!(line_matches("{\"id\":\"…\",\"n\":1}", "{\"id\":\"abc\",\"n\":1}"));
    assert!(!line_matches("{\"id\":\"…\",\"n\":1}", "{\"id\":\"abc\",\"n\":2}"));
    assert!(line_matches("same", "same") && !line_matches("same", "same!") && !line_matches("same…", "sam"));

    let expected = ["a", "…", "z"].map(str::to_owned);
    assert!(lines_match(&expected, &["a", "z"]) && lines_match(&expected, &["a", "b", "c", "z"]));
    assert!(!lines_match(&expected, &["a", "b"]) && !lines_match(&[], &["a"]));
}
