//! Chromium, driven by Playwright in its own process. Requests and responses are JSON objects, one a line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use counterfoil_test_support::{chromium, interop_folder};
use serde_json::{Value, json};

/// The browser of all tests. It ends when this process ends: then its driver reads the end of its input.
static CHROMIUM: OnceLock<Chromium> = OnceLock::new();

/// A running browser.
pub(crate) struct Chromium {
    /// Requests to the driver, and its responses.
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _driver: Child,
}

/// What a page may read of the response to its request; `Err` with the name of the error if `fetch` rejects.
pub(crate) type PageResponse = Result<Value, String>;

impl Chromium {
    /// The browser, which the first test starts. `None` if it or its driver is not installed: the test is skipped.
    pub(crate) fn open() -> Option<&'static Self> {
        let folder = interop_folder("browser")?;
        let chromium = chromium()?;
        Some(CHROMIUM.get_or_init(|| Self::start(&folder, &chromium)))
    }

    #[allow(clippy::zombie_processes, reason = "the driver ends after this process")]
    fn start(folder: &Path, chromium: &Path) -> Self {
        let mut node = Command::new("node");
        node.arg("driver.mjs").arg(chromium).current_dir(folder);
        let mut driver = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (requests, responses) = (driver.stdin.take().unwrap(), driver.stdout.take().unwrap());
        Self { pipes: Mutex::new((requests, BufReader::new(responses))), _driver: driver }
    }

    /// Calls `fetch(url, init)` in a page at `origin`. A `profile` has its own cookies.
    pub(crate) fn fetch(&self, profile: &str, origin: &str, url: &str, init: &Value) -> PageResponse {
        let response = self.call(&json!({ "profile": profile, "origin": origin, "url": url, "init": init }));
        match response.get("error") {
            Some(error) => Err(error.as_str().unwrap().to_owned()),
            None => Ok(response),
        }
    }

    /// Opens a WebSocket or an `EventSource` in a page at `origin`, which logs out when it is open. Returns how it ended.
    pub(crate) fn connect(&self, profile: &str, origin: &str, connection: &Value) -> Value {
        self.call(&json!({ "profile": profile, "origin": origin, "connection": connection }))
    }

    /// Runs a journey of `journeys.mjs` for each traveller, with cookies of its own. Returns what they find, which is nothing
    /// if all is well.
    pub(crate) fn travel(&self, journey: &str, travellers: &[Value]) -> Vec<String> {
        let findings = self.call(&json!({ "journey": journey, "travellers": travellers }));
        findings.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    /// The names of the cookies of a profile.
    pub(crate) fn cookies(&self, profile: &str) -> Vec<String> {
        let names = self.call(&json!({ "profile": profile, "cookies": true }));
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    fn call(&self, request: &Value) -> Value {
        let mut line = String::new();
        // The pages and the server are tasks of this thread's runtime, so it must not block them.
        tokio::task::block_in_place(|| {
            let mut pipes = self.pipes.lock().unwrap();
            let (requests, responses) = &mut *pipes;
            writeln!(requests, "{request}").unwrap();
            responses.read_line(&mut line).unwrap();
        });
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request}: {line:?}"))
    }
}
