//! Runs the walk-through of the README, and compares the output with the documented one.
//!
//! A block fenced as `console` contains commands, on lines that begin with `$ ` and continue on lines that begin with
//! `> `, and their output. All commands of all blocks are run in one shell, while a new `counterfoil dev` runs; its
//! address replaces `127.0.0.1:3000` and `localhost:3000`. In the documented output, `…` matches any text within a
//! line, and a line with only `…` any number of lines.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::common::Server;

/// The line between the outputs of two commands.
const SEPARATOR: &str = "-- next command --";

#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    expected: Vec<String>,
}

/// The commands of a document.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_console = false;
    for line in document.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_console = !is_console && language == "console";
        } else if is_console {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { command: command.to_owned(), expected: Vec::new() });
            } else if let Some(step) = steps.last_mut() {
                match line.strip_prefix("> ") {
                    Some(more) if step.expected.is_empty() => {
                        step.command = format!("{}\n{more}", step.command)
                    }
                    Some(_) | None => step.expected.push(line.to_owned()),
                }
            }
        }
    }
    steps
}

/// Whether `line` matches `expected`, in which `…` matches any text.
fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(found) = rest.find(part) else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether the lines match; an expected line with only `…` matches any number of them.
fn lines_match(expected: &[String], lines: &[&str]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((any, others)), _) if any.trim() == "…" => {
            (0..=lines.len()).any(|skipped| lines_match(others, &lines[skipped..]))
        }
        (Some(_), None) => false,
        (Some((expected, others)), Some((line, rest))) => {
            line_matches(expected, line) && lines_match(others, rest)
        }
    }
}

/// Runs the commands in one shell, and returns the output of each.
fn run_all(steps: &[Step], port: u16) -> Vec<String> {
    let script: String =
        steps.iter().map(|step| format!("{}\nprintf '\\n%s\\n' '{SEPARATOR}'\n", step.command)).collect();
    let script = with_port(&script, port);
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_counterfoil")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.current_dir(folder.path()).env("PATH", path).env("no_proxy", "*");
    let mut shell =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap();
    output.split(&format!("\n{SEPARATOR}\n")).map(str::to_owned).collect()
}

fn with_port(text: &str, port: u16) -> String {
    text.replace("127.0.0.1:3000", &format!("127.0.0.1:{port}"))
        .replace("localhost:3000", &format!("127.0.0.1:{port}"))
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let steps = steps(&std::fs::read_to_string(readme).unwrap());
    assert!(steps.len() >= 8, "the walk-through has only {} commands", steps.len());
    let temp = tempfile::tempdir().unwrap();
    let (server, _) = Server::dev(&temp.path().join("log"));

    let printed = run_all(&steps, server.port());

    for (step, printed) in steps.iter().zip(&printed) {
        let expected: Vec<String> = step.expected.iter().map(|line| with_port(line, server.port())).collect();
        let lines: Vec<&str> = printed.trim_end_matches('\n').lines().collect();
        assert!(
            lines_match(&expected, &lines),
            "$ {}\nexpected {expected:#?}\nprinted {lines:#?}",
            step.command
        );
    }
    println!("{} commands of the README", steps.len());
    server.stop(Signal::TERM);
}

#[test]
fn only_console_blocks_are_read() {
    let document = "$ not this\n```sh\n$ nor this\n```\n```console\n$ one \\\n> two\nout\n```\n";

    let [step] = &steps(document)[..] else { panic!("one step") };
    assert_eq!((step.command.as_str(), &step.expected[..]), ("one \\\ntwo", &["out".to_owned()][..]));
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
