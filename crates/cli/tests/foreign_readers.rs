//! What the binary prints and writes is read by programs of others: the log, the OpenAPI document, configuration files,
//! completion scripts.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use counterfoil_test_support::{output_of, python_reader, skip};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Server, counterfoil, in_dir, run};

#[test]
fn python_reads_each_line_of_the_json_log() {
    let Some(mut reader) = python_reader("read_log.py") else { return };
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let log = dir.with_extension("log");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "trace"];
    let server = Server::start(&mut counterfoil(&in_dir(&dir, &arguments)), &log);
    let ada = json!({ "username": "ada", "password": "correct horse battery staple" });
    let wrong = json!({ "username": "ada", "password": "line\nbreak \u{1b}[31m \"quotes\" \u{2028}" });
    assert_eq!(server.post("/v1/register", &ada).0, 201);
    assert_eq!(server.post("/v1/login", &ada).0, 200);
    assert_eq!(server.post("/v1/login", &wrong).0, 401);
    assert_eq!(server.get("/v1/me", "cfs_unknown").0, 401);
    assert!(server.stop(Signal::TERM).success());

    reader.arg(&log);
    let lines: Value = serde_json::from_str(&output_of(reader)).unwrap();

    assert_eq!(lines["counterfoil::requests"], 4, "{lines}");
}

#[test]
fn the_openapi_documents_of_the_binary_are_valid() {
    let Some(mut validator) = python_reader("validate_openapi.py") else { return };
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let (printed, served) = (temp.path().join("printed.json"), temp.path().join("served.json"));
    fs::write(&printed, run(&["openapi"]).stdout).unwrap();
    fs::write(&served, Server::serve(&dir).curl("/openapi.json", &[]).1.to_string()).unwrap();

    validator.args([printed, served]);

    let operations: Vec<u64> = serde_json::from_str(&output_of(validator)).unwrap();
    assert!(operations[0] >= 35 && operations[0] == operations[1], "{operations:?}");
}

/// What Python reads in a configuration file. `None` if it is not installed.
fn read_by_python(file: &Path) -> Option<Value> {
    let mut reader = python_reader("read_toml.py")?;
    reader.stdin(File::open(file).unwrap());
    Some(serde_json::from_str(&output_of(reader)).unwrap())
}

#[test]
fn python_reads_the_configuration_files_as_we_do() {
    let temp = tempfile::tempdir().unwrap();
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let mut files = Vec::new();
    for (number, block) in fs::read_to_string(guide).unwrap().split("```toml\n").skip(1).enumerate() {
        let file = temp.path().join(format!("{number}.toml"));
        fs::write(&file, block.split_once("```").unwrap().0).unwrap();
        files.push(file);
    }
    assert!(!files.is_empty());
    let (answers, written) = (temp.path().join("answers.json"), temp.path().join("written.toml"));
    let given = json!({
        "issuer": "https://auth.example", "clients": ["pages"], "domains": "one", "logout": "immediate",
        "verifiers": "none", "data_dir": temp.path().join("a \"quoted\"\u{e9} name"),
    });
    fs::write(&answers, given.to_string()).unwrap();
    let [answers, out] = [&answers, &written].map(|file| file.to_str().unwrap());
    let output = run(&["init", "--answers", answers, "--out", out]);
    assert_eq!(output.status, 0, "{output:?}");
    files.push(written);

    for file in files {
        let Some(read) = read_by_python(&file) else { return };
        let ours: Value = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(read, ours, "{}", file.display());
    }
}

/// Runs a script in a shell, with the completion script as its first argument. Returns what it prints.
fn in_shell(shell: &str, arguments: &[&str]) -> Option<String> {
    let temp = tempfile::tempdir().unwrap();
    // zsh loads a function from the file of its name.
    let file = temp.path().join("_counterfoil");
    fs::write(&file, run(&["completions", shell]).stdout).unwrap();
    let mut command = Command::new(shell);
    command.args(arguments).arg(&file).env("HOME", temp.path());
    if Command::new(shell).arg("-c").arg("true").output().is_err() {
        skip(&format!("{shell} is not installed"));
        return None;
    }
    Some(output_of(command))
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);

        assert_eq!(output.status, 0, "{output:?}");
        assert!(output.stdout.contains("counterfoil") && output.stdout.contains("data-dir"), "{shell}");
    }
    assert_eq!(run(&["completions", "teletype"]).status, 2);
}

#[test]
fn bash_completes_commands() {
    let script = "source \"$1\"; COMP_WORDS=(counterfoil se); COMP_CWORD=1; _counterfoil counterfoil se counterfoil; \
                  complete -p counterfoil >/dev/null && echo \"${COMPREPLY[@]}\"";

    assert_eq!(in_shell("bash", &["-euc", script, "bash"]).unwrap(), "serve session\n");
}

#[test]
fn zsh_loads_the_completion_script() {
    let script = "fpath=(${1:h} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[counterfoil]";

    let Some(found) = in_shell("zsh", &["-fc", script, "zsh"]) else { return };

    assert_eq!(found, "_counterfoil\n");
    assert_eq!(in_shell("zsh", &["-fn"]).unwrap(), "", "the syntax is valid");
}
