//! Nothing secret is told: everything is asked for, rightly and wrongly, at the most talkative level there is, and
//! then no password, cookie, token or key stands in the log, the metrics, a problem, the journal or what a command
//! says. Neither whole nor in part, nor as base64 or percent-encoded.

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

/// So many characters of a secret are too many.
const PART: usize = 16;

/// The secrets that were seen, each with a word for whoever reads a failure.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= PART, "{what}: {secret}");
        self.0.push((what.to_owned(), secret.to_owned()));
    }

    /// Of a token that part which nobody may know: what stands before it are names.
    fn add_token(&mut self, what: &str, token: &str) {
        let secret = token.rsplit('.').next().unwrap();
        self.add(what, &secret[secret.len().saturating_sub(32)..]);
    }

    /// What is told of them in `text`, by their words: one pass, however many there are.
    fn told_in(&self, text: &str) -> BTreeSet<String> {
        let mut parts: HashMap<[u8; PART], &str> = HashMap::new();
        for (what, secret) in &self.0 {
            parts.extend(needles(secret).iter().map(|needle| (beginning(needle.as_bytes()), what.as_str())));
        }
        // Most places are passed by at their first two letters.
        let mut begins = vec![false; 1 << 16];
        parts.keys().for_each(|part| begins[usize::from(u16::from_be_bytes([part[0], part[1]]))] = true);
        // One alphabet of base64 is enough, and one case.
        let text = text.replace('+', "-").replace('/', "_").to_ascii_lowercase();
        let places = text.as_bytes().windows(PART);
        let likely = places.filter(|place| begins[usize::from(u16::from_be_bytes([place[0], place[1]]))]);
        likely.filter_map(|place| parts.get(&beginning(place))).map(|what| (*what).to_owned()).collect()
    }
}

/// As much of a text as is too much.
fn beginning(text: &[u8]) -> [u8; PART] {
    text[..PART].try_into().unwrap()
}

/// Every way to write a secret that is looked for, in the letters of [`Secrets::told_in`].
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
        // What stands before a secret shifts its base64; the first and the last letters hold bits of neighbours.
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

/// The tour: a server at its most talkative, what was secret in it, and what it said.
struct Tour {
    server: Server,
    dir: PathBuf,
    metrics: String,
    secrets: Secrets,
    said: String,
}

impl Tour {
    fn begin(dir: &Path) -> Self {
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
        Self { server, dir: dir.to_owned(), metrics, secrets, said: String::new() }
    }

    /// Asks, and keeps what a problem says and what an answer gives away.
    fn ask(&mut self, path: &str, options: &[&str]) -> Answer {
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
            self.said += &answer.2;
        }
        answer
    }

    fn post(&mut self, path: &str, body: &Value, more: &[&str]) -> Answer {
        let body = body.to_string();
        let options = ["-H", "Content-Type: application/json", "--data-raw", &body];
        self.ask(path, &[&options, more].concat())
    }

    fn login(&mut self, password: &str, mode: &str, transport: &str) -> Answer {
        self.post(
            "/v1/login",
            &json!({ "username": "ada", "password": password, "mode": mode, "transport": transport }),
            &[],
        )
    }

    /// Runs a command of the operator, and keeps what it says about what it does, but not what it hands over.
    fn command(&mut self, arguments: &[&str]) -> String {
        let mut command = counterfoil(&in_dir(&self.dir, arguments));
        let said = output_of(command.env("COUNTERFOIL_LOG_LEVEL", "trace").output().unwrap());
        self.said += &said.stderr;
        said.stdout
    }

    /// Everything that was said, of which nothing may be secret.
    fn end(mut self) -> (Secrets, String) {
        for list in [["audit", "list"], ["session", "list"], ["user", "list"], ["key", "list"]] {
            let listed = self.command(&[&list[..], &["--json"]].concat());
            self.said += &listed;
        }
        let page = Command::new("curl").args(["-s", "--noproxy", "*", &self.metrics]).output().unwrap();
        self.said += &String::from_utf8(page.stdout).unwrap();
        assert!(self.said.contains("counterfoil_logins_total"), "the metrics are among it");
        assert!(self.server.stop(Signal::TERM).success());
        let log = fs::read_to_string(self.dir.with_extension("log")).unwrap();
        assert!(log.contains("\"target\":\"h2::hpack"), "the log is talkative");
        (self.secrets, self.said + &log)
    }
}

/// The cookies that an answer sets.
fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.1.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let pairs = lines.filter_map(|line| line.split(';').next()?.split_once('='));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Every way to log in and to go on with it.
fn use_rightly(tour: &mut Tour) {
    for password in [WRONG_PASSWORD, PASSWORD] {
        tour.post("/v1/register", &json!({ "username": "ada", "password": password }), &[]);
    }
    assert_eq!(tour.login(WRONG_PASSWORD, "session", "bearer").0, 200, "registered with the first");
    assert_eq!(tour.login(PASSWORD, "session", "bearer").0, 401);
    for mode in ["session", "jwt", "hybrid"] {
        let answer = tour.login(WRONG_PASSWORD, mode, "cookie");
        let line: Vec<_> =
            cookies(&answer).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = format!("Cookie: {}", line.join("; "));
        let same = ["-H", cookie.as_str(), "-H", "Sec-Fetch-Site: same-origin"];
        for path in ["/v1/me", "/v1/sessions"] {
            assert_eq!(tour.ask(path, &same).0, 200, "{mode}");
        }
        tour.ask("/v1/token", &[&same[..], &["-X", "POST"]].concat());
        tour.ask("/v1/refresh", &[&same[..], &["-X", "POST"]].concat());
        tour.ask("/v1/password", &["-H", &cookie, "-H", "Sec-Fetch-Site: cross-site", "-X", "POST"]);
        tour.ask("/v1/logout", &[&same[..], &["-X", "POST"]].concat());
    }
    let pair = tour.login(WRONG_PASSWORD, "hybrid", "bearer").json();
    let (access, refresh) = (pair["access_token"].as_str().unwrap(), pair["refresh_token"].as_str().unwrap());
    for _ in 0..3 {
        assert_eq!(tour.post("/v1/refresh", &json!({ "refresh_token": refresh }), &[]).0, 200);
    }
    let bearer = format!("Authorization: Bearer {access}");
    let change = |current: &str| json!({ "current_password": current, "new_password": NEXT_PASSWORD });
    assert_eq!(tour.post("/v1/password", &change(PASSWORD), &["-H", &bearer]).0, 401);
    assert_eq!(tour.post("/v1/password", &change(WRONG_PASSWORD), &["-H", &bearer]).0, 204);
    let exchanged =
        tour.login(NEXT_PASSWORD, "session", "bearer").json()["session_token"].as_str().unwrap().to_owned();
    let bearer = format!("Authorization: Bearer {exchanged}");
    assert_eq!(tour.post("/v1/token", &json!({}), &["-H", &bearer]).0, 200);
    tour.ask("/v1/me", &["--http2-prior-knowledge", "-H", &bearer]);
}

/// What an administrator does.
fn administer(tour: &mut Tour) {
    let file = tour.dir.with_extension("password");
    fs::write(&file, PASSWORD).unwrap();
    tour.command(&["user", "add", "root", "--role", "admin", "--password-file", file.to_str().unwrap()]);
    let made: Value = serde_json::from_str(&tour.command(&["admin-key", "add", "deploy", "--json"])).unwrap();
    let key = made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    tour.secrets.add_token("admin key", &key);
    let bearer = format!("Authorization: Bearer {key}");
    assert_eq!(tour.ask("/v1/admin/users", &["-H", &bearer]).0, 200);
    assert_eq!(tour.ask("/v1/admin/events", &["-H", &bearer]).0, 200);
    tour.post("/v1/admin/admin-keys", &json!({ "name": &key[..40] }), &["-H", "Authorization: Bearer cfa_x"]);
    assert_eq!(tour.post("/v1/revocations", &json!({ "subject": "everyone" }), &["-H", &bearer]).0, 200);
    tour.ask("/v1/me", &["-H", &bearer]);
}

/// Secrets where none belong.
fn use_wrongly(tour: &mut Tour) {
    let token =
        tour.login(NEXT_PASSWORD, "session", "bearer").json()["session_token"].as_str().unwrap().to_owned();
    let escaped = NEXT_PASSWORD.replace(' ', "%20").replace('?', "%3F");
    for path in [
        format!("/v1/me?access_token={token}"),
        format!("/v1/sessions/{token}"),
        format!("/v1/{token}"),
        format!("/v1/login?password={escaped}"),
        format!("/v1/sessions?after={token}"),
        format!("/v1/admin/users/{token}"),
    ] {
        tour.ask(&path, &[]);
        tour.ask(&path, &["-X", "DELETE"]);
        tour.ask(&path, &["--http2-prior-knowledge"]);
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
            tour.ask(path, &["-H", &header]);
            tour.ask(path, &["-H", &header, "-X", "POST", "--data-raw", &token]);
            tour.ask(path, &["--http2-prior-knowledge", "-H", &header]);
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
            tour.ask(path, &["-H", "Content-Type: application/json", "--data-raw", &body]);
            tour.ask(path, &["--data-raw", &body]);
        }
    }
}

#[test]
fn nothing_secret_is_told_at_the_most_talkative_level() {
    let place = tempfile::tempdir().unwrap();
    let mut tour = Tour::begin(&place.path().join("data"));
    use_rightly(&mut tour);
    administer(&mut tour);
    use_wrongly(&mut tour);

    let (secrets, said) = tour.end();

    println!("{} secrets looked for in {} bytes", secrets.0.len(), said.len());
    assert!(secrets.0.len() > 20);
    let told = secrets.told_in(&said);
    let find = || said.lines().find(|line| !secrets.told_in(line).is_empty());
    assert!(told.is_empty(), "{told:?} in {:?}", find());
}

#[test]
fn a_planted_secret_is_found_however_it_is_written() {
    let mut secrets = Secrets::default();
    secrets.add("password", PASSWORD);

    for planted in [
        format!("login of ada with {PASSWORD} failed"),
        format!("password={}", PASSWORD.replace(' ', "%20").replace('!', "%21").replace('-', "%2D")),
        format!("Basic {}", base64url::encode(format!("ada:{PASSWORD}"))),
        format!("as far as {}", &PASSWORD[4..4 + PART]),
        PASSWORD.to_uppercase(),
    ] {
        assert_eq!(secrets.told_in(&planted), BTreeSet::from(["password".to_owned()]), "{planted}");
    }
    assert!(secrets.told_in("login of ada failed").is_empty());
}
