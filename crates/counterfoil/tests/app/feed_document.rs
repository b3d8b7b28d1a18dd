//! The follower in `docs/feed.md` runs as it is printed, against a real server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil::App;
use counterfoil::operator::Command;
use counterfoil_jose::{Secret, base64url};
use serde_json::{Value, json};

use crate::client::{Reply, send};
use crate::fixture::{Fixture, TestServer};

/// The page, without the rest of the documentation.
const PAGE: &str = include_str!("../../../../docs/feed.md");

/// Answers one line for each token that it is asked about.
const MAIN: &str = r#"
import sys
follower = Follower(*sys.argv[1:])
for line in sys.stdin:
    kid, claims = json.loads(line)
    print(follower.check(kid, claims), flush=True)
"#;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// The follower of the page in a process of its own.
struct Follower {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Follower {
    /// `None` if there is no Python.
    fn start(issuer: &str, key: &str) -> Option<Self> {
        let mut process = Process::new("python3")
            .args(["-c", &format!("{}{MAIN}", code()), issuer, key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (questions, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Some(Self { process, questions, answers: BufReader::new(answers) })
    }

    fn check(&mut self, token: &str) -> String {
        let part =
            |part: &str| -> Value { serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap() };
        let mut parts = token.split('.');
        let (header, claims) = (part(parts.next().unwrap()), part(parts.next().unwrap()));
        writeln!(self.questions, "{}", json!([header["kid"], claims])).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Asks until the answer is `expected`.
    fn wait_until(&mut self, token: &str, expected: &str) {
        let started = Instant::now();
        while self.check(token) != expected {
            assert!(started.elapsed() < DEADLINE, "it is not {expected}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn code() -> &'static str {
    let (_, rest) = PAGE.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn the_follower_has_40_lines() {
    assert!(code().lines().filter(|line| !line.is_empty()).count() <= 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_follower_of_the_page_refuses_what_is_revoked_and_everything_when_it_is_cut_off() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let settings = fixture.settings().with(|settings| {
        settings.issuer = issuer.parse().unwrap();
        settings.feed.lease = Duration::from_secs(1);
    });
    let app = App::open(settings).await.unwrap();
    let add = Command::UserAdd {
        username: "ada".into(),
        password: Secret::new("correct horse".into()),
        email: None,
        roles: Vec::new(),
    };
    app.administer(add).await.unwrap();
    let key = app.administer(Command::VerifierKeyAdd { name: "orders".into() }).await.unwrap();
    let admin_key = app.administer(Command::AdminKeyAdd { name: "tests".into() }).await.unwrap();
    let server = TestServer::serve_on(listener, app).await;
    let login = async || -> Reply {
        let form = r#"{"username":"ada","password":"correct horse","mode":"jwt"}"#;
        send(server.address, "POST /v1/login", &[], form).await
    };
    let (ended, kept) = (login().await.json(), login().await.json());
    let (ended_token, kept_token) = (text(&ended["access_token"]), text(&kept["access_token"]));
    let Some(mut follower) = Follower::start(&issuer, &text(&key["key"])) else {
        return counterfoil_test_support::skip("there is no python3");
    };
    follower.wait_until(&ended_token, "active");

    let subject = format!("session:{}", text(&ended["session"]["id"]));
    let bearer = format!("authorization: Bearer {}", text(&admin_key["key"]));
    let body = json!({ "subject": subject, "wait": "fleet" }).to_string();
    let revoked = send(server.address, "POST /v1/revocations", &[&bearer], &body).await;

    assert_eq!(follower.check(&ended_token), "revoked", "{revoked:?}");
    assert_eq!(revoked.json()["confirmed"], 1);
    assert_eq!(follower.check(&kept_token), "active");
    let body = json!({ "subject": "everyone" }).to_string();
    assert_eq!(send(server.address, "POST /v1/revocations", &[&bearer], &body).await.status, 200);
    follower.wait_until(&kept_token, "revoked");
    let later = text(&login().await.json()["access_token"]);
    assert_eq!(follower.check(&later), "active", "it was issued after the revocation of everyone");

    server.shut_down().await;
    follower.wait_until(&later, "stale");
}
