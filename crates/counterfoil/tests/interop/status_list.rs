//! The reader of status lists in `docs/status-list.md` runs as it is printed, with joserfc, against a real server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use counterfoil_jose::unverified;
use counterfoil_test_support::interop_folder;
use serde_json::Value;
use tokio::time::sleep;

use crate::client::Request;
use crate::test_server::{TestServer, text};

/// The page, without the rest of the documentation.
const PAGE: &str = include_str!("../../../../docs/status-list.md");

/// Answers one line for each set of claims that it is asked about.
const MAIN: &str = r#"
import sys
for line in sys.stdin:
    print(is_valid(sys.argv[1], json.loads(line)), flush=True)
"#;

/// The reader of the page in a process of its own.
struct Reader {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    /// `None` if the library is not installed.
    fn start(issuer: &str) -> Option<Self> {
        let (_, rest) = PAGE.split_once("```python\n").unwrap();
        let code = rest.split_once("```").unwrap().0;
        let mut process = Command::new(interop_folder("python")?.join("venv/bin/python"))
            .args(["-c", &format!("{code}{MAIN}"), issuer])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Some(Self { process, questions, answers: BufReader::new(answers) })
    }

    /// Whether the reader takes the tokens of this login for valid.
    fn accepts(&mut self, login: &Value) -> bool {
        let claims = unverified::decode(text(login, "access_token")).unwrap().payload;
        let mut answer = String::new();
        tokio::task::block_in_place(|| {
            writeln!(self.questions, "{}", Value::Object(claims)).unwrap();
            self.answers.read_line(&mut answer).unwrap();
        });
        match answer.trim() {
            "True" => true,
            "False" => false,
            other => panic!("the reader failed: {other:?}"),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_python_sees_a_logout_within_a_second() {
    let server = TestServer::open().await;
    server.register("ada").await;
    let (ended, kept) = (server.login("ada", "jwt").await, server.login("ada", "hybrid").await);
    let Some(mut reader) = Reader::start(&server.origin) else { return };
    assert!(reader.accepts(&ended) && reader.accepts(&kept));

    let logout = Request::post("/v1/logout").bearer(text(&ended, "access_token")).send(&server).await;
    assert_eq!(logout.status, 204);

    let since = Instant::now();
    while reader.accepts(&ended) {
        assert!(since.elapsed() < Duration::from_secs(5), "it is still valid");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(since.elapsed() < Duration::from_millis(1_500), "{:?}", since.elapsed());
    assert!(reader.accepts(&kept));
}
