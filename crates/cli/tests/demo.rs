//! `counterfoil demo`: each step gives what it says, for people and for programs.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{counterfoil, end_of, output_of, run, run_with_input};

/// The steps, in their order.
const STEPS: [&str; 14] = [
    "wrong_password",
    "session_login",
    "session_request",
    "session_cross_site",
    "jwt_login",
    "jwt_parts",
    "jwt_verify",
    "hybrid_login",
    "session_list",
    "jwt_end",
    "hybrid_refresh",
    "hybrid_lost_answer",
    "hybrid_reuse",
    "logout",
];

#[test]
fn every_step_gives_what_it_says_and_the_text_fits_a_terminal() {
    let output = run(&["demo"]);

    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{output:?}");
    let text = &output.stdout;
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(!text.contains('\u{1b}'), "there is no terminal, so there are no colours");
    for part in ["header (", "payload (", "signature (", "ES256", "session token", "All 14 steps"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with("Shows: ")).count(), STEPS.len());
}

#[test]
fn ctrl_c_removes_the_temporary_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = counterfoil(&["demo", "--step"]);
    let command = command.env("TMPDIR", dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut demo = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut waits = [0; 11];
    demo.stderr.as_mut().unwrap().read_exact(&mut waits).unwrap();
    assert_eq!(&waits, b"Press Enter");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();

    assert_eq!(end_of(&mut demo, Duration::from_secs(30)).code(), Some(1));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn programs_get_the_steps_and_the_sizes_as_json() {
    let output = run(&["demo", "--json"]);

    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{output:?}");
    let demo: Value = serde_json::from_str(&output.stdout).unwrap();
    let names: Vec<_> =
        demo["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, STEPS);
    let size = |name: &str| demo["credential_bytes"][name].as_u64().unwrap();
    assert!(size("session_token") < 100 && size("hybrid_refresh_token") < 100, "{demo}");
    assert!(size("jwt") > 4 * size("session_token") && size("hybrid_access_token") > 300, "{demo}");
    let statuses = |name: &str| {
        let step = demo["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap();
        let requests = step["requests"].as_array().unwrap().iter();
        requests.map(|request| request["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(statuses("hybrid_lost_answer"), [200]);
    assert_eq!(statuses("hybrid_reuse"), [401, 401, 401]);
    assert!(!output.stdout.contains("correct horse"), "no password is shown");
}

#[test]
fn it_can_wait_after_each_step() {
    let output = run_with_input(&["demo", "--step"], &"\n".repeat(STEPS.len()));

    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(output.stderr.matches("Press Enter").count(), STEPS.len());
}

#[test]
fn it_leaves_no_data_behind() {
    let temp = tempfile::tempdir().unwrap();

    let output = output_of(counterfoil(&["demo", "--no-color"]).env("TMPDIR", temp.path()).output().unwrap());

    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}
