//! Runs the commands of a document in one shell, and compares their output with the documented one.
//!
//! A block fenced as `console` contains commands, on lines that begin with `$ ` and continue on lines that begin with
//! `> `, and their output. A block fenced as `sh` that is followed by one fenced as `text` contains commands that can be
//! copied, and the other one their output; an `sh` block without output is not run. The address of the server replaces
//! `127.0.0.1:3000` and `localhost:3000`. In the documented output, `…` matches any text within a line, and a line with only
//! `…` any number of lines.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs all commands of all `console` blocks of `document` in one shell, with the server at `port`.
///
/// Returns the number of commands.
///
/// # Panics
///
/// If a command prints something else than the document shows.
pub(crate) fn assert_prints_what_it_shows(document: &str, port: u16) -> usize {
    let steps = steps(document);
    let commands: Vec<&str> = steps.iter().map(|step| step.command.as_str()).collect();
    let printed = run_all(&commands, port);
    assert_eq!(printed.len(), steps.len() + 1, "the shell has exited before the last command: {printed:#?}");
    for (step, printed) in steps.iter().zip(&printed) {
        let expected: Vec<String> = step.expected.iter().map(|line| with_port(line, port)).collect();
        let lines: Vec<&str> = printed.trim_end_matches('\n').lines().collect();
        assert!(
            lines_match(&expected, &lines),
            "$ {}\nexpected {expected:#?}\nprinted {lines:#?}",
            step.command
        );
    }
    steps.len()
}

/// The line between the outputs of two commands.
const SEPARATOR: &str = "-- next command --";

/// A command of a document, and what it prints.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) expected: Vec<String>,
}

/// The commands of a document.
pub(crate) fn steps(document: &str) -> Vec<Step> {
    let blocks = blocks(document);
    let mut steps = Vec::new();
    for (index, (language, lines)) in blocks.iter().enumerate() {
        match (*language, blocks.get(index + 1)) {
            ("console", _) => steps.extend(console_steps(lines)),
            ("sh", Some(("text", output))) => steps.push(Step {
                command: lines.join("\n"),
                expected: output.iter().map(|line| (*line).to_owned()).collect(),
            }),
            _ => {}
        }
    }
    steps
}

/// The fenced blocks of a document: language and lines.
fn blocks(document: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut is_in_block = false;
    for line in document.lines() {
        match line.strip_prefix("```") {
            Some(language) => {
                is_in_block = !is_in_block;
                if is_in_block {
                    blocks.push((language, Vec::new()));
                }
            }
            None if is_in_block => blocks.last_mut().expect("the block has begun").1.push(line),
            None => {}
        }
    }
    blocks
}

/// The commands of a `console` block.
fn console_steps(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in lines {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        } else if let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ") {
                Some(more) if step.expected.is_empty() => step.command = format!("{}\n{more}", step.command),
                Some(_) | None => step.expected.push((*line).to_owned()),
            }
        }
    }
    steps
}

/// Whether `line` matches `expected`, in which `…` matches any text.
pub(crate) fn line_matches(expected: &str, line: &str) -> bool {
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
pub(crate) fn lines_match(expected: &[String], lines: &[&str]) -> bool {
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

/// Runs the commands in one shell, and returns the output of each, and at last an empty one.
pub(crate) fn run_all(commands: &[&str], port: u16) -> Vec<String> {
    let script: String =
        commands.iter().map(|command| format!("{command}\nprintf '\\n%s\\n' '{SEPARATOR}'\n")).collect();
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

pub(crate) fn with_port(text: &str, port: u16) -> String {
    text.replace("127.0.0.1:3000", &format!("127.0.0.1:{port}"))
        .replace("localhost:3000", &format!("127.0.0.1:{port}"))
}
