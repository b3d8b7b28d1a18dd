//! No secret is logged or printed: after valid and invalid requests to every route at the log level `trace`, no
//! password, cookie, token or key is in the log, the metrics, a problem, the audit log or the output of a command,
//! neither whole nor in part, nor as base64 or percent-encoded.

#![allow(clippy::unwrap_used, reason = "what a test cannot prepare fails it")]

mod common;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use counterfoil_jose::base64url;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Server, counterfoil, in_dir, output_of};

const PASSWORD: &str = "Zebra-Quilt!97 marmalade";
const NEXT_PASSWORD: &str = "Walrus_Tango?42 periscope";
const WRONG_PASSWORD: &str = "Not%The+Right=Ferret&One";

/// The number of characters of a secret that count as a leak.
const PART: usize = 16;

/// The secrets of the test, each with a name for the failure message.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= PART, "{what}: {secret}");
        self.0.push((what.to_owned(), secret.to_owned()));
    }

    /// Adds the secret part of a token; the parts before it are public ids.
    fn add_token(&mut self, what: &str, token: &str) {
        let secret = token.rsplit('.').next().unwrap();
        self.add(what, &secret[secret.len().saturating_sub(32)..]);
    }

    /// The names of the secrets that `text` contains, found in one pass.
    fn find_in(&self, text: &str) -> BTreeSet<String> {
        let mut parts: HashMap<[u8; PART], &str> = HashMap::new();
        for (what, secret) in &self.0 {
            parts.extend(needles(secret).iter().map(|needle| (first_part(needle.as_bytes()), what.as_str())));
        }
        // Most positions are excluded by their first two characters.
        let mut begins = vec![false; 1 << 16];
        parts.keys().for_each(|part| begins[usize::from(u16::from_be_bytes([part[0], part[1]]))] = true);
        // Only one base64 alphabet and lower case are searched.
        let text = text.replace('+', "-").replace('/', "_").to_ascii_lowercase();
        let places = text.as_bytes().windows(PART);
        let likely = places.filter(|place| begins[usize::from(u16::from_be_bytes([place[0], place[1]]))]);
        likely.filter_map(|place| parts.get(&first_part(place))).map(|what| (*what).to_owned()).collect()
    }
}

/// The first [`PART`] bytes.
fn first_part(text: &[u8]) -> [u8; PART] {
    text[..PART].try_into().unwrap()
}

/// All encodings of a secret that are searched, in the alphabet of [`Secrets::find_in`].
fn needles(secret: &str) -> Vec<String> {
    let escaped: String = secret
        .bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02x}"),
        })
        .collect();
    let mut all = vec![escaped.to_ascii_lowercase()];
    let parts: Vec<char> = secret.replace('+', "-").replace('/', "_").to_ascii_lowercase().chars().collect();
    all.extend(parts.windows(PART).map(|part| part.iter().collect()));
    for before in 0..3 {
        // Text before a secret shifts its base64; the first and last characters also contain bits of the text around it.
        let encoded = base64url::encode([&[0; 2][..before], secret.as_bytes()].concat());
        let inner = &encoded[(before * 8).div_ceil(6)..encoded.len() - 2];
        all.push(inner.to_ascii_lowercase());
    }
    all
}

/// An answer: status, head, body.
struct Answer(u16, String, String);

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.2).unwrap_or_default()
    }
}

/// A server at the log level `trace`, its secrets, and all output of it so far.
struct Scenario {
    server: Server,
    dir: PathBuf,
    metrics: String,
    secrets: Secrets,
    output: String,
}

impl Scenario {
    fn start(dir: &Path) -> Self {
        let arguments = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
            "--log-level",
            "trace",
        ];
        let mut command = counterfoil(&in_dir(dir, &arguments));
        let mut server = Server::start(&mut command, &dir.with_extension("log"));
        server.line();
        let metrics = server.line().strip_prefix("metrics on ").unwrap().to_owned();
        let mut secrets = Secrets::default();
        for (what, password) in
            [("password", PASSWORD), ("next password", NEXT_PASSWORD), ("wrong password", WRONG_PASSWORD)]
        {
            secrets.add(what, password);
        }
        secrets.add("master key", fs::read_to_string(dir.join("master-key")).unwrap().trim());
        Self { server, dir: dir.to_owned(), metrics, secrets, output: String::new() }
    }

    /// Sends a request; keeps the body of a problem as output, and the credentials of an answer as secrets.
    fn send(&mut self, path: &str, options: &[&str]) -> Answer {
        let url = format!("{}{path}", self.server.base);
        let mut curl = Command::new("curl");
        curl.args(["-s", "-i", "--noproxy", "*", "--globoff", &url]).args(options);
        let text = String::from_utf8_lossy(&curl.output().unwrap().stdout).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let answer = Answer(status, head.to_owned(), body.to_owned());
        for name in ["session_token", "access_token", "refresh_token"] {
            if let Some(token) = answer.json()[name].as_str() {
                self.secrets.add_token(name, token);
            }
        }
        for (name, value) in cookies(&answer) {
            self.secrets.add_token(&name, &value);
        }
        if status >= 400 {
            self.output += &answer.2;
        }
        answer
    }

    fn post(&mut self, path: &str, body: &Value, more: &[&str]) -> Answer {
        let body = body.to_string();
        let options = ["-H", "Content-Type: application/json", "--data-raw", &body];
        self.send(path, &[&options, more].concat())
    }

    fn login(&mut self, password: &str, mode: &str, transport: &str) -> Answer {
        self.post(
            "/v1/login",
            &json!({ "username": "ada", "password": password, "mode": mode, "transport": transport }),
            &[],
        )
    }

    /// Runs a command; keeps its standard error as output, but not its standard output, which may be a new secret.
    fn command(&mut self, arguments: &[&str]) -> String {
        let mut command = counterfoil(&in_dir(&self.dir, arguments));
        let output = output_of(command.env("COUNTERFOIL_LOG_LEVEL", "trace").output().unwrap());
        self.output += &output.stderr;
        output.stdout
    }

    /// Stops the server; returns the secrets and all output, which must not contain them.
    fn stop(mut self) -> (Secrets, String) {
        for list in [["audit", "list"], ["session", "list"], ["user", "list"], ["key", "list"]] {
            let listed = self.command(&[&list[..], &["--json"]].concat());
            self.output += &listed;
        }
        let page = Command::new("curl").args(["-s", "--noproxy", "*", &self.metrics]).output().unwrap();
        self.output += &String::from_utf8(page.stdout).unwrap();
        assert!(self.output.contains("counterfoil_logins_total"), "the metrics are included");
        assert!(self.server.stop(Signal::TERM).success());
        let log = fs::read_to_string(self.dir.with_extension("log")).unwrap();
        assert!(log.contains("\"target\":\"h2::hpack"), "the log has the level trace");
        (self.secrets, self.output + &log)
    }
}

/// The cookies that an answer sets.
fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.1.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let pairs = lines.filter_map(|line| line.split(';').next()?.split_once('='));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Sends valid requests: all ways to log in, and to use the session.
fn send_valid_requests(scenario: &mut Scenario) {
    for password in [WRONG_PASSWORD, PASSWORD] {
        scenario.post("/v1/register", &json!({ "username": "ada", "password": password }), &[]);
    }
    assert_eq!(scenario.login(WRONG_PASSWORD, "session", "bearer").0, 200, "registered with the first");
    assert_eq!(scenario.login(PASSWORD, "session", "bearer").0, 401);
    for mode in ["session", "jwt", "hybrid"] {
        let answer = scenario.login(WRONG_PASSWORD, mode, "cookie");
        let line: Vec<_> =
            cookies(&answer).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = format!("Cookie: {}", line.join("; "));
        let same = ["-H", cookie.as_str(), "-H", "Sec-Fetch-Site: same-origin"];
        for path in ["/v1/me", "/v1/sessions"] {
            assert_eq!(scenario.send(path, &same).0, 200, "{mode}");
        }
        scenario.send("/v1/token", &[&same[..], &["-X", "POST"]].concat());
        scenario.send("/v1/refresh", &[&same[..], &["-X", "POST"]].concat());
        scenario.send("/v1/password", &["-H", &cookie, "-H", "Sec-Fetch-Site: cross-site", "-X", "POST"]);
        scenario.send("/v1/logout", &[&same[..], &["-X", "POST"]].concat());
    }
    let pair = scenario.login(WRONG_PASSWORD, "hybrid", "bearer").json();
    let (access, refresh) = (pair["access_token"].as_str().unwrap(), pair["refresh_token"].as_str().unwrap());
    for _ in 0..3 {
        assert_eq!(scenario.post("/v1/refresh", &json!({ "refresh_token": refresh }), &[]).0, 200);
    }
    let bearer = format!("Authorization: Bearer {access}");
    let change = |current: &str| json!({ "current_password": current, "new_password": NEXT_PASSWORD });
    assert_eq!(scenario.post("/v1/password", &change(PASSWORD), &["-H", &bearer]).0, 401);
    assert_eq!(scenario.post("/v1/password", &change(WRONG_PASSWORD), &["-H", &bearer]).0, 200);
    let exchanged = scenario.login(NEXT_PASSWORD, "session", "bearer").json()["session_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let bearer = format!("Authorization: Bearer {exchanged}");
    assert_eq!(scenario.post("/v1/token", &json!({}), &["-H", &bearer]).0, 200);
    scenario.send("/v1/me", &["--http2-prior-knowledge", "-H", &bearer]);
}

/// Sends the requests of an administrator.
fn administer(scenario: &mut Scenario) {
    let file = scenario.dir.with_extension("password");
    fs::write(&file, PASSWORD).unwrap();
    scenario.command(&["user", "add", "root", "--role", "admin", "--password-file", file.to_str().unwrap()]);
    let created: Value =
        serde_json::from_str(&scenario.command(&["admin-key", "add", "deploy", "--json"])).unwrap();
    let key = created["key"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
    scenario.secrets.add_token("admin key", &key);
    let bearer = format!("Authorization: Bearer {key}");
    assert_eq!(scenario.send("/v1/admin/users", &["-H", &bearer]).0, 200);
    assert_eq!(scenario.send("/v1/admin/events", &["-H", &bearer]).0, 200);
    scenario.post(
        "/v1/admin/admin-keys",
        &json!({ "name": &key[..40] }),
        &["-H", "Authorization: Bearer cfa_x"],
    );
    assert_eq!(scenario.post("/v1/revocations", &json!({ "subject": "everyone" }), &["-H", &bearer]).0, 200);
    scenario.send("/v1/me", &["-H", &bearer]);
}

/// Sends secrets in wrong places.
fn send_invalid_requests(scenario: &mut Scenario) {
    let token = scenario.login(NEXT_PASSWORD, "session", "bearer").json()["session_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let escaped = NEXT_PASSWORD.replace(' ', "%20").replace('?', "%3F");
    for path in [
        format!("/v1/me?access_token={token}"),
        format!("/v1/sessions/{token}"),
        format!("/v1/{token}"),
        format!("/v1/login?password={escaped}"),
        format!("/v1/sessions?after={token}"),
        format!("/v1/admin/users/{token}"),
    ] {
        scenario.send(&path, &[]);
        scenario.send(&path, &["-X", "DELETE"]);
        scenario.send(&path, &["--http2-prior-knowledge"]);
    }
    for header in [
        format!("Authorization: Basic {token}"),
        format!("Authorization: Bearer {token} {token}"),
        format!("Authorization: bearer{token}"),
        format!("X-Api-Key: {token}"),
        format!("Cookie: counterfoil-session={token}; counterfoil-session={token}x"),
        format!("Origin: https://{token}.example"),
        format!("X-Request-Id: {token}"),
        format!("Traceparent: {token}"),
        format!("If-Match: {token}"),
        format!("Content-Type: {token}"),
    ] {
        for path in ["/v1/me", "/v1/login", "/v1/session/data"] {
            scenario.send(path, &["-H", &header]);
            scenario.send(path, &["-H", &header, "-X", "POST", "--data-raw", &token]);
            scenario.send(path, &["--http2-prior-knowledge", "-H", &header]);
        }
    }
    for body in [
        format!("{{\"username\":\"ada\",\"password\":\"{NEXT_PASSWORD}"),
        format!("{{\"username\":\"ada\",\"password\":[\"{NEXT_PASSWORD}\"]}}"),
        format!("{{\"username\":\"ada\",\"{NEXT_PASSWORD}\":1}}"),
        format!("{{\"username\":\"{NEXT_PASSWORD}\",\"password\":\"{NEXT_PASSWORD}\"}}"),
        format!("{{\"username\":\"ada\",\"password\":\"{NEXT_PASSWORD}\",\"client_id\":\"{token}\"}}"),
        format!("{{\"refresh_token\":\"{token}\",\"scope\":\"{token}\"}}"),
        format!("username=ada&password={escaped}"),
        token.clone(),
    ] {
        for path in ["/v1/login", "/v1/register", "/v1/refresh", "/v1/logout", "/v1/password"] {
            scenario.send(path, &["-H", "Content-Type: application/json", "--data-raw", &body]);
            scenario.send(path, &["--data-raw", &body]);
        }
    }
}

#[test]
fn no_secret_is_logged_or_printed_at_the_level_trace() {
    let place = tempfile::tempdir().unwrap();
    let mut scenario = Scenario::start(&place.path().join("data"));
    send_valid_requests(&mut scenario);
    administer(&mut scenario);
    send_invalid_requests(&mut scenario);

    let (secrets, output) = scenario.stop();

    println!("{} secrets searched in {} bytes", secrets.0.len(), output.len());
    assert!(secrets.0.len() > 20);
    let leaked = secrets.find_in(&output);
    let find = || output.lines().find(|line| !secrets.find_in(line).is_empty());
    assert!(leaked.is_empty(), "{leaked:?} in {:?}", find());
}

#[test]
fn a_planted_secret_is_found_in_every_encoding() {
    let mut secrets = Secrets::default();
    secrets.add("password", PASSWORD);

    for planted in [
        format!("login of ada with {PASSWORD} failed"),
        format!("password={}", PASSWORD.replace(' ', "%20").replace('!', "%21").replace('-', "%2D")),
        format!("Basic {}", base64url::encode(format!("ada:{PASSWORD}"))),
        format!("as far as {}", &PASSWORD[4..4 + PART]),
        PASSWORD.to_uppercase(),
    ] {
        assert_eq!(secrets.find_in(&planted), BTreeSet::from(["password".to_owned()]), "{planted}");
    }
    assert!(secrets.find_in("login of ada failed").is_empty());
}
