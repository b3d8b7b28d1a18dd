//! The configuration: `check` says what `serve` does, `init` writes what both take, TLS is served from files.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Said, Server, counterfoil, run};

/// Lines of a file, right and wrong; `DIR` is a directory that is there.
const LINES: &[&str] = &[
    "issuer = \"https://auth.example\"",
    "issuer = \"http://auth.example\"",
    "issuer = \"https://auth.example/\"",
    "issuer = 7",
    "isuer = \"https://auth.example\"",
    "refresh_grace = 90",
    "refresh_grace = -1",
    "refresh_grace = \"10\"",
    "registration = \"closed\"",
    "registration = \"maybe\"",
    "store = \"sqlite:DIR/other.db\"",
    "store = \"mysql:other\"",
    "password_memory = 256",
    "password_memory = 64",
    "password_lanes = 17",
    "password_lanes = 16",
    "hashing_waiting = 0",
    "hashing_threads = 0",
    "trusted_origins = [\"https://shop.example\", \"http://old.example\"]",
    "trusted_origins = [\"https://shop.example/\"]",
    "trusted_proxies = [\"0.0.0.0/0\"]",
    "trusted_proxies = [\"10.0.0.1/8\"]",
    "body_limit = 1024",
    "header_limit = 4096",
    "breached_passwords = \"DIR/nothing\"",
    "master_key_file = \"DIR/nothing\"",
    "tls_certificate = \"DIR/nothing\"",
    "tls_key = \"DIR/nothing\"",
    "algorithm = \"HS256\"",
    "algorithm = \"none\"",
    "log = \"json\"",
    "max_sessions = 3",
    "[limits]",
    "= 1",
];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn check(config: &Path, more: &[&str]) -> Said {
    run(&[&["check", "--config", text(config)], more].concat())
}

/// Whether `serve` begins to listen, and what it says otherwise.
fn serves(config: &Path) -> Result<(), String> {
    let mut command = counterfoil(&["serve", "--config", text(config), "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    // It ends by itself where it does not listen.
    let _ = child.kill();
    let ended = child.wait_with_output().unwrap();
    match first.starts_with("listening on ") {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
    }
}

/// Numbers that are the same each time.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap()
}

#[test]
fn check_and_serve_agree() {
    let (mut seed, mut taken, mut refused) = (7, 0, 0);
    let single = LINES.iter().map(|line| vec![*line]);
    let mixed: Vec<Vec<&str>> =
        (0..30).map(|_| (0..3).map(|_| LINES[next(&mut seed) % LINES.len()]).collect()).collect();
    for lines in single.chain(mixed) {
        let place = tempfile::tempdir().unwrap();
        let config = place.path().join("c.toml");
        let body = lines.join("\n").replace("DIR", text(place.path()));
        fs::write(&config, format!("data_dir = \"{}/data\"\n{body}\n", text(place.path()))).unwrap();

        let checked = check(&config, &[]);
        assert!(!place.path().join("data").exists(), "check touches nothing");
        let served = serves(&config);

        assert_eq!(checked.code == 0, served.is_ok(), "{body}\n{checked:?}\n{served:?}");
        if served.is_ok() { taken += 1 } else { refused += 1 }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 5 && refused > 5, "{taken} taken, {refused} refused");
}

#[test]
fn every_fault_of_every_source_is_told_at_once() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    fs::write(&config, "isuer = \"https://a.example\"\nrefresh_grace = -1\n").unwrap();

    let mut command = counterfoil(&["serve", "--config", text(&config), "--registration", "maybe"]);
    let said = common::said(command.env("COUNTERFOIL_STORE", "mysql:a").output().unwrap());

    assert_eq!(said.code, 2, "{said:?}");
    for told in ["isuer", "line 1", "did you mean issuer?", "line 2", "--registration", "COUNTERFOIL_STORE"] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}

#[test]
fn an_unknown_variable_warns_and_stops_nobody() {
    let mut command = counterfoil(&["check", "--json"]);
    let said = common::said(command.env("COUNTERFOIL_ISUER", "https://a.example").output().unwrap());

    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        found["weak"].as_array().unwrap().iter().any(|weak| weak["place"] == "COUNTERFOIL_ISUER"),
        "{found}"
    );
}

#[test]
fn what_is_weak_is_told_with_its_reason_and_counts_if_one_is_strict() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    let weak = "issuer = \"https://a.example\"\nlisten = \"0.0.0.0:0\"\nrefresh_grace = 61\nalgorithm = \"HS256\"\n\
                password_memory = 19455\nhashing_deadline = 30\ntrusted_origins = [\"http://a.example\"]\n\
                trusted_proxies = [\"::/0\"]\nfailed_logins_in_a_row = 101\nfailed_logins = 1000\n\
                failed_logins_window = 60\nfailed_logins_of_source = 2000\nknown_source = 3600\n\
                failed_logins_in_a_row_window = 3600\nwrong_passwords = 101\n";
    fs::write(&config, weak).unwrap();
    fs::set_permissions(&config, Permissions::from_mode(0o666)).unwrap();

    let said = check(&config, &["--json"]);

    let found: Value = serde_json::from_str(&said.out).unwrap();
    let keys: Vec<_> =
        found["weak"].as_array().unwrap().iter().map(|weak| weak["key"].as_str().unwrap()).collect();
    assert_eq!((said.code, found["faults"].as_array().unwrap().len()), (0, 0), "{found}");
    for key in [
        "listen",
        "registration",
        "refresh_grace",
        "algorithm",
        "password_memory",
        "hashing_deadline",
        "trusted_origins",
        "trusted_proxies",
        "failed_logins_in_a_row",
        "failed_logins_in_a_row_window",
        "failed_logins",
        "failed_logins_of_source",
        "known_source",
        "wrong_passwords",
        "config",
    ] {
        assert!(keys.contains(&key), "{key}: {keys:?}");
    }
    assert_eq!(check(&config, &["--strict"]).code, 1);
}

#[test]
fn a_proxy_that_is_not_named_is_told_by_check_and_at_the_start() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    let is_told = |text: &str| {
        fs::write(&config, text).unwrap();
        let found: Value = serde_json::from_str(&check(&config, &["--json"]).out).unwrap();
        let weak = found["weak"].as_array().unwrap().iter();
        let told: Vec<_> = weak.filter(|weak| weak["key"] == "trusted_proxies").cloned().collect();
        assert!(
            told.iter().all(|weak| weak["hint"].as_str().unwrap().contains("X-Forwarded-For")),
            "{told:?}"
        );
        told.len()
    };

    assert_eq!(is_told("issuer = \"https://a.example\"\n"), 1);
    assert_eq!(is_told("issuer = \"https://a.example\"\nlisten = \"0.0.0.0:3000\"\n"), 1);
    assert_eq!(is_told("issuer = \"https://a.example\"\ntrusted_proxies = [\"127.0.0.1\"]\n"), 0);
    assert_eq!(is_told("listen = \"127.0.0.1:3000\"\n"), 0, "whoever is on loopback is nobody's proxy");
}

#[test]
fn init_writes_what_check_and_serve_take_and_never_over_a_file() {
    let place = tempfile::tempdir().unwrap();
    let (answers, out) = (place.path().join("answers.json"), place.path().join("c.toml"));
    let data = place.path().join("da\"ta");
    let given = serde_json::json!({
        "issuer": "https://auth.example", "clients": ["pages", "mobile", "services"], "domains": "many",
        "logout": "at-once", "verifiers": "own-services", "data_dir": text(&data),
        "trusted_origins": ["https://shop.example"],
    });
    fs::write(&answers, given.to_string()).unwrap();
    let arguments = ["init", "--answers", text(&answers), "--out", text(&out)];

    let first = run(&arguments);
    let written = fs::read(&out).unwrap();
    let second = run(&arguments);

    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("pages: mode hybrid: "), "{}", first.out);
    assert_eq!(check(&out, &["--strict"]).code, 0, "{:?}", check(&out, &[]));
    assert_eq!(serves(&out), Ok(()));
    assert_eq!((second.code, fs::read(&out).unwrap()), (1, written), "{second:?}");
}

#[test]
fn init_refuses_answers_that_are_none_and_writes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (answers, out) = (place.path().join("answers.toml"), place.path().join("c.toml"));
    for wrong in [
        "issuer = \"http://auth.example\"\nclients = [\"pages\"]\n",
        "issuer = \"https://auth.example\"\nclients = [\"toasters\"]\n",
        "issuer = \"https://auth.example\"\nclients = []\nmore = 1\n",
        "clients = [\"pages\"]\n",
        "nonsense",
    ] {
        fs::write(&answers, wrong).unwrap();

        let said = run(&["init", "--answers", text(&answers), "--out", text(&out)]);

        assert_eq!(said.code, 2, "{wrong}: {said:?}");
        assert!(!out.exists(), "{wrong}");
    }
}

#[test]
fn init_without_a_terminal_or_answers_says_so() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("c.toml");

    let said = run(&["init", "--out", text(&out)]);

    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--answers") && !out.exists(), "{said:?}");
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let said = run(&["completions", shell]);

        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains("counterfoil") && said.out.contains("data-dir"), "{shell}");
    }
    assert_eq!(run(&["completions", "teletype"]).code, 2);
    assert!(run(&["--version"]).out.starts_with("counterfoil "));
}

/// A certificate for localhost, made as an operator would.
fn make_certificate(dir: &Path, name: &str) -> (String, String) {
    let [certificate, key] = ["pem", "key"].map(|end| text(&dir.join(format!("{name}.{end}"))).to_owned());
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    (certificate, key)
}

/// What curl says of the health of `server`, trusting `certificate` alone: the version of HTTP and the status.
fn healthy(server: &Server, certificate: &str, version: &str) -> String {
    let url = format!("{}/healthz", server.base);
    let asked = [
        "-s",
        "--noproxy",
        "*",
        "--cacert",
        certificate,
        version,
        "-w",
        "\n%{http_version} %{http_code}",
        &url,
    ];
    let output = Command::new("curl").args(asked).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn tls_is_served_from_files_and_a_renewed_certificate_without_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path();
    let (certificate, key) = make_certificate(dir, "served");
    let old = dir.join("old.pem");
    fs::copy(&certificate, &old).unwrap();
    let mut command =
        counterfoil(&["--data-dir", text(&dir.join("data")), "serve", "--listen", "127.0.0.1:0"]);
    command.env("COUNTERFOIL_TLS_CERTIFICATE", &certificate).env("COUNTERFOIL_TLS_KEY", &key);
    let server = Server::start(&mut command, &dir.join("log"));

    assert!(server.base.starts_with("https://127.0.0.1:"), "{}", server.base);
    assert_eq!(healthy(&server, &certificate, "--http2"), "2 200");
    assert_eq!(healthy(&server, &certificate, "--http1.1"), "1.1 200");

    // A certificate without its key keeps the old one in use; with the key it is served.
    let (next, next_key) = make_certificate(dir, "next");
    fs::rename(&next, &certificate).unwrap();
    let log = || fs::read_to_string(dir.join("log")).unwrap();
    until(|| log().contains("the old one stays in use"));
    assert_eq!(healthy(&server, text(&old), "--http2"), "2 200");
    fs::rename(&next_key, &key).unwrap();
    until(|| healthy(&server, &certificate, "--http2") == "2 200");

    assert_ne!(healthy(&server, text(&old), "--http2"), "2 200");
}

/// Waits until something is so that another process does in its own time.
fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/counterfoil.service");
    let text = fs::read_to_string(unit).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("counterfoil.service");
    fs::write(
        &file,
        text.replace(
            "/usr/local/bin/counterfoil serve",
            concat!(env!("CARGO_BIN_EXE_counterfoil"), " serve"),
        ),
    )
    .unwrap();

    let Ok(verified) = Command::new("systemd-analyze").args(["verify", file.to_str().unwrap()]).output()
    else {
        println!("skipped: there is no systemd-analyze");
        return;
    };

    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
}
