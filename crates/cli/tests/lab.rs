//! `counterfoil lab`: an act as text and as JSON, an answer, and wrong input.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::read_dir;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{counterfoil, run};

/// How long an act may take to begin.
const START_TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn an_act_is_printed_as_text_and_as_json() {
    let text = run(&["lab", "run", "logout"]);
    assert_eq!((text.status, text.stderr.as_str()), (0, ""), "{text:?}");
    assert!(text.stdout.starts_with("Act: logout\n"), "{}", text.stdout);
    assert!(!text.stdout.contains('['), "bytes are shown as base64url: {}", text.stdout);

    let json = run(&["lab", "run", "logout", "--json"]);
    assert_eq!(json.status, 0, "{json:?}");
    let trace: Value = serde_json::from_str(&json.stdout).unwrap();
    let modes: Vec<_> = trace["frames"].as_array().unwrap().iter().map(|frame| &frame["mode"]).collect();
    for mode in ["session", "jwt", "hybrid"] {
        assert!(modes.iter().any(|it| *it == mode), "{mode}: {modes:?}");
    }
}

#[test]
fn a_question_is_answered_with_what_it_played() {
    let answer = run(&["lab", "answer", "1", "--json"]);

    assert_eq!(answer.status, 0, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(answer["question"].is_string() && answer["answer"].is_string());
    let acts: Vec<_> =
        answer["traces"].as_array().unwrap().iter().map(|trace| trace["act"].clone()).collect();
    assert_eq!(acts, ["login", "call"]);
}

#[test]
fn without_a_command_the_lab_is_served_on_loopback() {
    let refused = run(&["lab", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("loopback") && refused.stderr.contains("hint: "), "{}", refused.stderr);

    let mut command = counterfoil(&["lab", "--listen", "127.0.0.1:0"]);
    let mut lab = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(lab.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end();
    let page = Command::new("curl").args(["-s", "--noproxy", "*", url]).output().unwrap();
    kill_process(Pid::from_child(&lab), Signal::TERM).unwrap();
    assert!(lab.wait().unwrap().success());
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(url.ends_with("/lab") && page.contains("Make a lab"), "{url}: {page}");
}

#[test]
fn an_act_and_a_question_that_do_not_exist_are_refused_with_those_that_do() {
    let act = run(&["lab", "run", "juggle"]);
    assert_eq!(act.status, 2, "{act:?}");
    assert!(act.stderr.contains("logout"), "{}", act.stderr);

    let question = run(&["lab", "answer", "6"]);
    assert_eq!(question.status, 2, "{question:?}");
    assert!(question.stderr.contains("6 is not in 1..=5"), "{}", question.stderr);
}

#[test]
fn a_signal_ends_an_act_and_its_store_is_removed() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let temp = tempfile::tempdir().unwrap();
        let mut lab = counterfoil(&["lab", "run", "login"]);
        let mut child =
            lab.env("TMPDIR", temp.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started_at = Instant::now();
        while read_dir(temp.path()).unwrap().next().is_none() {
            assert!(started_at.elapsed() < START_TIMEOUT, "the act does not begin");
        }

        kill_process(Pid::from_child(&child), signal).unwrap();

        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal:?}");
        assert_eq!(read_dir(temp.path()).unwrap().count(), 0, "{signal:?}");
    }
}
