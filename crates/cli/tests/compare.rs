//! `counterfoil compare`: a report for people and for programs, shown again from its file.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use counterfoil_lab::{FigureId, Plan, Profile, Unit};
use serde_json::{Value, json};

use crate::common::{counterfoil, end_of, run, run_with_input};

/// What takes no time: bytes are counted, nothing is timed.
const EXACT: [&str; 5] = ["compare", "--quick", "--only", "wire,client.bytes,crossing", "--seed=7"];

fn with<'a>(options: &[&'a str]) -> Vec<&'a str> {
    EXACT.iter().copied().chain(options.iter().copied()).collect()
}

#[test]
fn programs_get_a_report_and_people_get_it_shown_again() {
    let made = run(&with(&["--json", "-"]));
    assert_eq!((made.status, made.stderr.as_str()), (0, ""), "{made:?}");
    let report: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(
        (&report["schema"], &report["method"]["seed"]),
        (&"counterfoil/lab-report/1".into(), &7.into())
    );
    assert_eq!(
        (&report["tool"]["profile"], &report["table"][0]["row"]),
        (&"quick".into(), &"payload_size".into())
    );

    let shown = run_with_input(&["compare", "--from", "-"], &made.stdout);
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""), "{shown:?}");
    for part in ["wire.request", "Each request carries", "cross-domain", "build profile"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("WARNING"), "nothing was timed");
    let again = run_with_input(&["compare", "--from", "-", "--json", "-"], &made.stdout);
    assert_eq!(again.stdout, made.stdout);
}

#[test]
fn the_files_of_a_report_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (json, html, svg) = (path("report.json"), path("report.html"), path("drawings"));

    let made = run(&with(&["--json", &json, "--html", &html, "--svg", &svg]));

    assert_eq!((made.status, made.stderr.as_str()), (0, ""), "{made:?}");
    assert!(made.stdout.contains("wire.request"), "the table is printed, too");
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("default-src 'none'") && page.contains("<svg "));
    assert!(fs::read_to_string(dir.path().join("drawings/bytes.svg")).unwrap().starts_with("<svg "));
    let shown = run(&["compare", "--from", &json, "--html", "-"]);
    assert_eq!(shown.stdout.trim_end(), page.trim_end(), "one report, one page");
}

#[test]
fn the_start_of_the_program_is_measured() {
    let made = run(&["compare", "--quick", "--only", "restart", "--json", "-"]);

    assert_eq!((made.status, made.stderr.as_str()), (0, ""), "{made:?}");
    let report: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(report["figures"][0]["values"]["jwt"]["n"], 5);
    for mode in ["session", "jwt", "hybrid"] {
        assert_eq!(report["figures"][1]["values"][mode]["value"], true, "{mode}");
    }
}

#[test]
fn the_memory_of_the_program_is_measured_without_its_limits() {
    // More logins than one user may make from one address.
    let plan = Plan::for_profile(Profile::Quick).with(|plan| {
        plan.only = vec![FigureId::KeptMemory];
        plan.kept_in_memory = 150;
        plan.program = Some(env!("CARGO_BIN_EXE_counterfoil").into());
    });

    let report = counterfoil_lab::run(&plan, &()).unwrap();

    let figure = report.figure("kept.memory").unwrap();
    assert_eq!((figure.unit, figure.values.len()), (Unit::Bytes, 3), "{figure:?}");
    assert!(figure.note.contains("has checked 150 logins"), "{figure:?}");
    for cell in figure.values.values() {
        // The memory of so few logins is below what the system gives at a time.
        assert!(cell.as_number().unwrap().abs() < 200_000.0, "{figure:?}");
    }
}

/// A measurement registers a user with a known password, and kills the server.
#[test]
fn a_measured_process_has_no_settings_of_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let (store, config) = (dir.path().join("production.db"), dir.path().join("counterfoil.toml"));
    fs::write(&config, format!("store = \"sqlite:{}\"\n", store.display())).unwrap();
    let url = format!("sqlite:{}", store.display());
    for (name, value) in
        [("COUNTERFOIL_STORE", url.as_str()), ("COUNTERFOIL_CONFIG", config.to_str().unwrap())]
    {
        let mut command = counterfoil(&["compare", "--quick", "--only", "restart", "--json", "-"]);
        let made = command.env(name, value).output().unwrap();

        assert!(made.status.success(), "{name}: {made:?}");
        assert!(!store.exists(), "{name}");
    }
}

#[test]
fn the_progress_is_lines_of_json_for_programs() {
    let made = run(&with(&["--json", "-", "--json-progress"]));

    assert_eq!(made.status, 0, "{made:?}");
    let lines: Vec<Value> = made.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.contains(&json!({ "part": "bytes", "done": 0, "of": 1 })), "{lines:?}");
    let report: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(report["schema"], "counterfoil/lab-report/1");

    // Without a reader it ends.
    let mut command = counterfoil(&["compare", "--quick", "--only", "check.rate", "--json-progress"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    drop(child.stderr.take());
    assert!(!end_of(&mut child, Duration::from_secs(60)).success());
}

#[test]
fn what_cannot_be_measured_or_shown_is_refused_before_it_takes_time() {
    let cases: [(&[&str], &str, i32); 6] = [
        (&["compare", "--quick", "--thorough"], "cannot be used with", 2),
        (&["compare", "--only", "speed"], "the figures are check.rate", 2),
        (&["compare", "--from", "x", "--seed", "1"], "cannot be used with", 2),
        (&["compare", "--json", "-", "--html", "-"], "cannot be combined", 2),
        (&["compare", "--json", "/nowhere/report.json"], "create the directory", 1),
        (&["compare", "--from", "/nowhere"], "cannot read", 1),
    ];
    for (arguments, part, status) in cases {
        let refused = run(arguments);
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.stderr.contains(part) && refused.stdout.is_empty(), "{refused:?}");
    }
    let express = counterfoil(&with(&["--guide"])).env("NODE_PATH", "/nowhere").output().unwrap();
    let message = String::from_utf8(express.stderr).unwrap();
    assert_eq!(express.status.code(), Some(1), "{message}");
    assert!(
        message.contains("express and jsonwebtoken in /nowhere") && message.contains("npm install"),
        "{message}"
    );
    let foreign = run_with_input(&["compare", "--from", "-"], "{\"schema\":\"other\"}");
    assert_eq!(foreign.status, 1);
    assert!(foreign.stderr.contains("not a report") && foreign.stderr.contains("--json FILE"), "{foreign:?}");
}
