//! The configuration: `check` and `serve` accept the same settings, name what is wrong, and accept the file that `init` writes.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod common;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::common::{CommandOutput, counterfoil, run};

/// Lines of a file, valid and invalid; `DIR` is an existing directory. Keys of tables are dotted, so that
/// every order is possible.
const LINES: &[&str] = &[
    "issuer = \"https://auth.example\"",
    "issuer = \"http://auth.example\"",
    "issuer = \"https://auth.example/\"",
    "issuer = 7",
    "isuer = \"https://auth.example\"",
    "refresh.reuse_grace = 90",
    "refresh.reuse_grace = \"90s\"",
    "refresh.reuse_grace = -1",
    "refresh.reuse_grace = \"10 apples\"",
    "refresh_grace = 10",
    "login_rate_limit.per_ip = { max = 20, window = \"15m\" }",
    "login_rate_limit.per_account = \"off\"",
    "login_rate_limit.per_ip = 20",
    "login_rate_limit.successes_per_ip = \"off\"",
    "cache = \"redis://localhost\"",
    "registration = \"closed\"",
    "pages.accent = \"#3a1c71\"",
    "pages.accent = \"#808080\"",
    "pages.css = \"DIR/none.css\"",
    "pages.logo = \"DIR/none.svg\"",
    "pages.templates = \"DIR/none\"",
    "pages.texts = \"DIR\"",
    "pages.languages = [\"en\", \"de\"]",
    "pages.languages = []",
    "registration = \"maybe\"",
    "store = \"sqlite:DIR/other.db\"",
    "store = \"mysql:other\"",
    "store = \"postgres://auth:swordfish@localhost/auth\"",
    "argon2.memory_kib = 256",
    "argon2.memory_kib = 64",
    "argon2.parallelism = 17",
    "argon2.parallelism = 16",
    "password_hashing.queue_size = 0",
    "password_hashing.threads = 0",
    "trusted_origins = [\"https://shop.example\", \"http://old.example\"]",
    "trusted_origins = [\"https://shop.example/\"]",
    "trusted_proxies = [\"0.0.0.0/0\"]",
    "trusted_proxies = [\"10.0.0.1/8\"]",
    "max_body_size = 1024",
    "max_header_size = 4096",
    "breached_passwords = \"DIR/nothing\"",
    "master_key_file = \"DIR/nothing\"",
    "tls.certificate = \"DIR/nothing\"",
    "tls.key = \"DIR/nothing\"",
    "algorithm = \"HS256\"",
    "algorithm = \"none\"",
    "log_format = \"json\"",
    "max_sessions = 3",
    "[limits]",
    "= 1",
];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn check(config: &Path, more: &[&str]) -> CommandOutput {
    run(&[&["check", "--config", text(config)], more].concat())
}

/// Whether `serve` starts to listen, or else its errors.
fn serves(config: &Path) -> Result<(), String> {
    let mut command = counterfoil(&["serve", "--config", text(config), "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    // It exits by itself if it does not listen.
    let _ = child.kill();
    let ended = child.wait_with_output().unwrap();
    match first.starts_with("listening on ") {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
    }
}

/// A pseudo-random number; the sequence is the same in each run.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap()
}

#[test]
fn check_and_serve_agree() {
    let (mut seed, mut accepted, mut refused) = (7, 0, 0);
    let single = LINES.iter().map(|line| vec![*line]);
    let mixed: Vec<Vec<&str>> =
        (0..30).map(|_| (0..3).map(|_| LINES[next(&mut seed) % LINES.len()]).collect()).collect();
    for lines in single.chain(mixed) {
        let place = tempfile::tempdir().unwrap();
        let config = place.path().join("c.toml");
        let body = lines.join("\n").replace("DIR", text(place.path()));
        fs::write(&config, format!("data_dir = \"{}/data\"\n{body}\n", text(place.path()))).unwrap();

        let checked = check(&config, &[]);
        assert!(!place.path().join("data").exists(), "check creates nothing");
        let served = serves(&config);

        assert_eq!(checked.status == 0, served.is_ok(), "{body}\n{checked:?}\n{served:?}");
        if served.is_ok() { accepted += 1 } else { refused += 1 }
    }
    assert!(accepted > 5 && refused > 5, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_missing_style_sheet_stops_servers_and_the_check_and_no_other_command() {
    let place = tempfile::tempdir().unwrap();
    let (config, css) = (place.path().join("c.toml"), place.path().join("none.css"));
    let password = place.path().join("password");
    fs::write(&password, "correct horse battery staple").unwrap();
    let data = place.path().join("data");
    fs::write(&config, format!("data_dir = {data:?}\nlisten = \"127.0.0.1:0\"\n[pages]\ncss = {css:?}\n"))
        .unwrap();
    let run = |arguments: &[&str]| run(&[arguments, &["--config", text(&config)]].concat());

    assert_eq!(run(&["user", "add", "ada", "--password-file", text(&password)]).status, 0);
    let listed = run(&["user", "list"]);
    assert!(listed.status == 0 && listed.stdout.contains("ada"), "{listed:?}");

    let fault = format!("pages.css ({}, line 4): {} cannot be read: No such file", text(&config), text(&css));
    for command in ["serve", "dev", "check"] {
        let output = run(&[command]);
        let shown = [output.stdout, output.stderr].concat();
        assert!(output.status != 0 && shown.contains(&fault), "{command}: {shown}");
    }
}

#[test]
fn check_names_the_file_that_was_read_and_one_that_was_not() {
    let place = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str]| {
        let mut command = counterfoil(&[&["check"], arguments].concat());
        common::output_of(command.current_dir(place.path()).output().unwrap()).stdout
    };
    let warning = "warning: counterfoil.toml in the working directory is not read";
    let none = check(&[]);
    assert!(none.ends_with("configuration file: none\n"), "{none}");
    fs::write(place.path().join("counterfoil.toml"), "max_sessions = 3\n").unwrap();

    let unread = check(&[]);
    assert!(
        unread.contains(warning) && unread.contains("hint: name it with --config counterfoil.toml"),
        "{unread}"
    );
    assert!(unread.ends_with("configuration file: none\n"), "{unread}");
    let named = check(&["--config", "counterfoil.toml"]);
    assert!(named.ends_with("configuration file: counterfoil.toml\n") && !named.contains(warning), "{named}");
    let json = |arguments: &[&str]| serde_json::from_str::<Value>(&check(arguments)).unwrap();
    let unread = json(&["--json"]);
    let found = |report: &Value| report["warnings"].as_array().unwrap().len();
    assert_eq!(
        (&unread["config_file"], found(&unread)),
        (&Value::Null, found(&json(&["--json", "--config", "counterfoil.toml"])) + 1)
    );
    let named = json(&["--json", "--config", "counterfoil.toml"]);
    assert_eq!(named["config_file"], Value::from("counterfoil.toml"));
}

#[test]
fn serve_names_the_file_that_was_read_and_one_that_was_not() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("counterfoil.toml"), "max_sessions = 3\n").unwrap();
    let serve = |arguments: &[&str], lines: usize| {
        let mut command = counterfoil(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        command.current_dir(place.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let banner = BufReader::new(child.stdout.take().unwrap()).lines().take(lines);
        let banner: Vec<String> = banner.map(Result::unwrap).collect();
        let _ = child.kill();
        let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(banner.len() == lines && banner[0].starts_with("listening on "), "{banner:?}\n{log}");
        (banner, log)
    };

    let (banner, log) = serve(&["--config", "counterfoil.toml"], 3);
    assert_eq!(banner[2], "configuration from counterfoil.toml");
    assert!(!log.contains("is not read"), "{log}");
    let (_, log) = serve(&[], 2);
    assert!(log.contains("counterfoil.toml in the working directory is not read"), "{log}");
}

#[test]
fn every_error_of_every_source_is_reported_at_once() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    fs::write(&config, "isuer = \"https://a.example\"\nrefresh.reuse_grace = -1\n").unwrap();

    let mut command = counterfoil(&["serve", "--config", text(&config), "--registration", "maybe"]);
    let output = common::output_of(command.env("COUNTERFOIL_STORE", "mysql:a").output().unwrap());

    assert_eq!(output.status, 2, "{output:?}");
    for part in ["isuer", "line 1", "did you mean issuer?", "line 2", "--registration", "COUNTERFOIL_STORE"] {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
}

#[test]
fn an_unknown_variable_is_ignored_and_a_renamed_one_is_a_warning() {
    let mut command = counterfoil(&["check", "--json"]);
    command.env("COUNTERFOIL_ISUER", "https://a.example").env("COUNTERFOIL_REFRESH_GRACE", "0");
    let output = common::output_of(command.output().unwrap());

    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(output.status, 0, "{output:?}");
    let warnings = found["warnings"].as_array().unwrap().iter();
    let of_variables: Vec<_> = warnings
        .filter(|warning| warning["source"].as_str().unwrap().starts_with("COUNTERFOIL_"))
        .map(|warning| (&warning["source"], warning["hint"].as_str().unwrap()))
        .collect();
    let (variable, hint) = of_variables.first().unwrap();
    assert_eq!((of_variables.len(), *variable), (1, &Value::from("COUNTERFOIL_REFRESH_GRACE")));
    assert!(hint.contains("COUNTERFOIL_REFRESH_REUSE_GRACE"), "{hint}");
}

#[test]
fn weak_settings_are_warnings_which_are_errors_with_strict() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    let weak = "issuer = \"https://a.example\"\nlisten = \"0.0.0.0:0\"\nalgorithm = \"HS256\"\n\
                trusted_origins = [\"http://a.example\"]\ntrusted_proxies = [\"::/0\"]\n\
                [refresh]\nreuse_grace = \"61s\"\n[argon2]\nmemory_kib = 19455\n\
                [password_hashing]\nqueue_timeout = \"30s\"\n\
                [login_rate_limit]\nper_account_and_ip = { max = 1000, window = \"1m\" }\n\
                per_ip = { max = 2000, window = 60 }\nper_account = { max = 101, window = \"1h\" }\n\
                trusted_ip_ttl = \"1h\"\npassword_change = \"off\"\n";
    fs::write(&config, weak).unwrap();
    fs::set_permissions(&config, Permissions::from_mode(0o666)).unwrap();

    let output = check(&config, &["--json"]);

    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let keys: Vec<_> =
        found["warnings"].as_array().unwrap().iter().map(|weak| weak["key"].as_str().unwrap()).collect();
    assert_eq!((output.status, found["errors"].as_array().unwrap().len()), (0, 0), "{found}");
    for key in [
        "listen",
        "registration",
        "refresh.reuse_grace",
        "algorithm",
        "argon2.memory_kib",
        "password_hashing.queue_timeout",
        "trusted_origins",
        "trusted_proxies",
        "login_rate_limit.per_account_and_ip",
        "login_rate_limit.per_ip",
        "login_rate_limit.per_account",
        "login_rate_limit.trusted_ip_ttl",
        "login_rate_limit.password_change",
        "config",
    ] {
        assert!(keys.contains(&key), "{key}: {keys:?}");
    }
    let of_account = keys.iter().filter(|key| **key == "login_rate_limit.per_account").count();
    assert_eq!(of_account, 2, "its count and its window");
    assert_eq!(check(&config, &["--strict"]).status, 1);
}

#[test]
fn check_warns_of_an_untrusted_proxy() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("c.toml");
    let count_warnings = |text: &str| {
        fs::write(&config, text).unwrap();
        let found: Value = serde_json::from_str(&check(&config, &["--json"]).stdout).unwrap();
        let warnings = found["warnings"].as_array().unwrap().iter();
        let of_proxies: Vec<_> = warnings.filter(|one| one["key"] == "trusted_proxies").cloned().collect();
        assert!(
            of_proxies.iter().all(|one| one["hint"].as_str().unwrap().contains("X-Forwarded-For")),
            "{of_proxies:?}"
        );
        of_proxies.len()
    };

    assert_eq!(count_warnings("issuer = \"https://a.example\"\n"), 1);
    assert_eq!(count_warnings("issuer = \"https://a.example\"\nlisten = \"0.0.0.0:3000\"\n"), 1);
    assert_eq!(count_warnings("issuer = \"https://a.example\"\ntrusted_proxies = [\"127.0.0.1\"]\n"), 0);
    assert_eq!(count_warnings("listen = \"127.0.0.1:3000\"\n"), 0, "on loopback there is no proxy");
}

#[test]
fn init_writes_a_valid_file_and_never_overwrites_one() {
    let place = tempfile::tempdir().unwrap();
    let (answers, out) = (place.path().join("answers.json"), place.path().join("c.toml"));
    let data = place.path().join("da\"ta");
    let given = serde_json::json!({
        "issuer": "https://auth.example", "clients": ["pages", "mobile", "services"], "domains": "many",
        "logout": "immediate", "verifiers": "own-services", "data_dir": text(&data),
        "trusted_origins": ["https://shop.example"],
    });
    fs::write(&answers, given.to_string()).unwrap();
    let arguments = ["init", "--answers", text(&answers), "--out", text(&out)];

    let first = run(&arguments);
    let written = fs::read(&out).unwrap();
    let second = run(&arguments);

    assert_eq!(first.status, 0, "{first:?}");
    assert!(first.stdout.contains("pages: mode hybrid: "), "{}", first.stdout);
    assert_eq!(check(&out, &["--strict"]).status, 0, "{:?}", check(&out, &[]));
    assert_eq!(serves(&out), Ok(()));
    assert_eq!((second.status, fs::read(&out).unwrap()), (1, written), "{second:?}");
}
