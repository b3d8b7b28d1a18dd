//! The real binary, and curl to talk to it.

// Every test file uses a part of this.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a server may take to stop; it allows its clients ten seconds, and ours have none.
const FAREWELL: Duration = Duration::from_secs(8);

/// The binary, without the configuration of whoever runs the tests.
pub(crate) fn counterfoil(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("COUNTERFOIL_") || name == "RUST_LOG")
    {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a command that ended said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Said {
    said(counterfoil(arguments).output().unwrap())
}

/// Runs it with `input` at its standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &str) -> Said {
    let mut command = counterfoil(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // It need not read everything before it says no.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    said(child.wait_with_output().unwrap())
}

/// Runs it in `dir` and expects it to succeed.
pub(crate) fn succeed(dir: &Path, arguments: &[&str]) -> String {
    let said = run(&in_dir(dir, arguments));
    assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
    said.out
}

/// `arguments` for the data directory `dir`.
pub(crate) fn in_dir<'a>(dir: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--data-dir", dir.to_str().unwrap()], arguments].concat()
}

pub(crate) fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A server that runs; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) base: String,
}

impl Server {
    /// Serves `dir` on a free port.
    pub(crate) fn serve(dir: &Path) -> Self {
        let mut command = counterfoil(&in_dir(dir, &["serve", "--listen", "127.0.0.1:0"]));
        Self::start(&mut command, &dir.with_extension("log"))
    }

    /// Serves `dir` on `port`.
    pub(crate) fn serve_on(dir: &Path, port: u16) -> Self {
        let listen = format!("127.0.0.1:{port}");
        Self::start(
            &mut counterfoil(&in_dir(dir, &["serve", "--listen", &listen])),
            &dir.with_extension("log"),
        )
    }

    /// What the system calls it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts `command`, and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let err = File::create(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(err).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, out, base: String::new() };
        let first = server.line();
        let address = first.strip_prefix("listening on ");
        let address =
            address.unwrap_or_else(|| panic!("{first:?}; {}", std::fs::read_to_string(log).unwrap()));
        server.base = address.to_owned();
        server
    }

    /// Starts `dev` on a free port, and gives the tour that it prints.
    pub(crate) fn dev(log: &Path) -> (Self, String) {
        let mut command = counterfoil(&["dev", "--listen", "127.0.0.1:0"]);
        let err = File::create(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(err).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, out, base: String::new() };
        let mut tour = String::new();
        while !tour.ends_with("# That is all. Ctrl-C in the first terminal ends it.\n") {
            let line = server.line();
            assert!(!line.is_empty() || !tour.is_empty(), "{}", std::fs::read_to_string(log).unwrap());
            tour = tour + &line + "\n";
        }
        let base = tour.lines().find_map(|line| line.strip_prefix("base='")?.strip_suffix('\'')).unwrap();
        server.base = base.to_owned();
        (server, tour)
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.base.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < FAREWELL, "it does not stop");
            std::thread::yield_now();
        }
    }

    /// Stops it as a crash would.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks curl for `path`; gives status and body.
    pub(crate) fn curl(&self, path: &str, options: &[&str]) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let output = Command::new("curl")
            .args(["-s", "--noproxy", "*", "-w", "\n%{http_code}", &url])
            .args(options)
            .output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    /// Posts JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.curl(path, &["-H", "Content-Type: application/json", "-d", &body.to_string()])
    }

    /// Gets with a bearer.
    pub(crate) fn get(&self, path: &str, bearer: &str) -> (u16, Value) {
        self.curl(path, &["-H", &format!("Authorization: Bearer {bearer}")])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
