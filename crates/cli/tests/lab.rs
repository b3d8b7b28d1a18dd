//! `counterfoil lab`: an act as text and as JSON, an answer, and wrong input.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, read_dir};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil::operator::advice::{ClientKind, Domains, LogoutDelay, Verifiers};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{counterfoil, end_of, run};

/// How long an act may take to begin.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A process that serves the pages.
struct Pages {
    process: Child,
    url: String,
}

impl Pages {
    fn serve() -> Self {
        let mut command = counterfoil(&["lab", "--listen", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, url: line.trim_end().to_owned() }
    }

    fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        end_of(&mut self.process, TIMEOUT)
    }
}

impl Drop for Pages {
    /// A test that fails leaves no process.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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

    let pages = Pages::serve();
    let page = Command::new("curl").args(["-s", "--noproxy", "*", &pages.url]).output().unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(pages.url.ends_with("/lab") && page.contains("Make a lab"), "{}: {page}", pages.url);
    assert!(pages.stop().success());
}

/// The address of every combination of answers, without its path.
fn every_choice() -> Vec<String> {
    let mut queries = Vec::new();
    for chosen in 1..1 << ClientKind::ALL.len() {
        let is_chosen = |(at, _): &(usize, ClientKind)| chosen & (1 << at) != 0;
        let clients = ClientKind::ALL.into_iter().enumerate().filter(is_chosen);
        let clients: String = clients.map(|(_, kind)| format!("{}=on&", kind.as_str())).collect();
        for domains in Domains::ALL.map(Domains::as_str) {
            for logout in LogoutDelay::ALL.map(LogoutDelay::as_str) {
                for verifiers in Verifiers::ALL.map(Verifiers::as_str) {
                    queries.push(format!("{clients}domains={domains}&logout={logout}&verifiers={verifiers}"));
                }
            }
        }
    }
    queries
}

#[test]
fn check_accepts_the_file_of_every_choice_and_init_writes_the_same_from_its_answers() {
    let (pages, temp) = (Pages::serve(), tempfile::tempdir().unwrap());
    let file = |at: usize, kind: &str| temp.path().join(format!("{at}.{kind}")).display().to_string();
    let queries = every_choice();
    assert_eq!(queries.len(), 15 * 2 * 2 * 3);
    let mut downloads = String::new();
    for (at, query) in queries.iter().enumerate() {
        for kind in ["toml", "json"] {
            let (url, out) = (format!("{}/choose.{kind}?{query}", pages.url), file(at, kind));
            downloads += &format!("url = {url:?}\noutput = {out:?}\n");
        }
    }
    let mut curl = Command::new("curl");
    curl.args(["-s", "--fail-early", "--fail", "--noproxy", "*", "-K", "-"]).stdin(Stdio::piped());
    let mut curl = curl.spawn().unwrap();
    curl.stdin.take().unwrap().write_all(downloads.as_bytes()).unwrap();
    assert!(curl.wait().unwrap().success());

    let verify = |at: usize| {
        let (toml, json) = (file(at, "toml"), file(at, "json"));
        let checked = run(&["check", "--config", &toml]);
        assert_eq!(checked.status, 0, "{}: {checked:?}", queries[at]);
        let written = run(&["init", "--answers", &json, "--out", "-"]);
        assert_eq!(written.status, 0, "{}: {written:?}", queries[at]);
        let text = fs::read_to_string(&toml).unwrap();
        assert_eq!(written.stdout.trim_end(), text.trim_end(), "{}", queries[at]);
    };
    thread::scope(|scope| {
        for half in 0..2 {
            let verify = &verify;
            let of_half = (half..queries.len()).step_by(2);
            scope.spawn(move || of_half.for_each(verify));
        }
    });
    assert!(pages.stop().success());
}

#[test]
fn an_act_and_a_question_that_do_not_exist_are_refused_with_those_that_do() {
    let act = run(&["lab", "run", "juggle"]);
    assert_eq!(act.status, 2, "{act:?}");
    assert!(act.stderr.contains("logout"), "{}", act.stderr);

    let question = run(&["lab", "answer", "6"]);
    assert_eq!(question.status, 2, "{question:?}");
    assert!(question.stderr.contains("must be a whole number from 1 to 5"), "{}", question.stderr);
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
            assert!(started_at.elapsed() < TIMEOUT, "the act does not begin");
        }

        kill_process(Pid::from_child(&child), signal).unwrap();

        assert_eq!(end_of(&mut child, TIMEOUT).code(), Some(1), "{signal:?}");
        assert_eq!(read_dir(temp.path()).unwrap().count(), 0, "{signal:?}");
    }
}
