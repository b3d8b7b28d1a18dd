//! Runs the examples in a shell against a server with a new store.

use std::path::Path;

use serde_json::Value;

use crate::common::console::run_all;
use crate::common::{Server, counterfoil, in_dir, succeed};
use crate::http_reference::examples::{Example, PREPARE};
use crate::http_reference::ordered_json::Json;

/// The answer to an example.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The body, if there is one.
    pub(super) body: Option<Json>,
}

/// A server with an admin key.
pub(super) struct ExampleServer {
    server: Server,
    admin_key: String,
}

impl ExampleServer {
    /// Serves the new data directory `dir` on a free port.
    pub(super) fn start(dir: &Path) -> Self {
        let mut command = counterfoil(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
        command.env("COUNTERFOIL_FORWARD_AUTH_HOSTS", "app.example");
        let server = Server::start(&mut command, &dir.with_extension("log"));
        let created: Value =
            serde_json::from_str(&succeed(dir, &["admin-key", "add", "reference", "--json"])).unwrap();
        Self { server, admin_key: created["key"].as_str().unwrap().to_owned() }
    }

    /// Runs all examples in one shell, in their order.
    pub(super) fn run<'a>(&self, examples: impl Iterator<Item = &'a Example>) -> Vec<(&'a Example, Answer)> {
        let examples: Vec<&Example> = examples.collect();
        let prepare = format!("admin_key='{}'\n{PREPARE}", self.admin_key);
        let scripts: Vec<String> = examples.iter().map(|example| script(example)).collect();
        let commands: Vec<&str> =
            [prepare.as_str()].into_iter().chain(scripts.iter().map(String::as_str)).collect();

        let printed = run_all(&commands, self.server.port());

        assert_eq!(printed.len(), commands.len() + 1, "the shell has exited early: {printed:#?}");
        let answers = examples.iter().zip(&printed[1..]);
        answers.map(|(example, printed)| (*example, self.answer(example, printed))).collect()
    }

    fn answer(&self, example: &Example, printed: &str) -> Answer {
        let printed = printed.replace(&self.server.base, "http://127.0.0.1:3000");
        let (body, status) = printed.trim_end().rsplit_once('\n').unwrap_or(("", printed.trim_end()));
        let status = status.parse().unwrap_or_else(|_| panic!("{}: {printed}", example.call));
        assert!((200..400).contains(&status), "{}: {status} {body}", example.call);
        let body = (!body.is_empty()).then(|| {
            let text = || Json::Scalar(Value::from(body.trim_end()));
            serde_json::from_str(body).unwrap_or_else(|_| text())
        });
        Answer { status, body }
    }
}

/// The preparation, whose output is not of interest, and the command with a `curl` that prints the status as well.
fn script(example: &Example) -> String {
    let Example { prepare, command, .. } = example;
    format!(
        "{{ :; {prepare}\n}} >/dev/null\ncurl() {{ command curl -s -w '\\n%{{http_code}}' \"$@\"; }}\n{command}\n\
         unset -f curl"
    )
}
