//! Runs the `counterfoil` binary and sends requests to it with curl.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod console;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The time in which a server must stop. It gives open connections ten seconds; here there are none.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// The binary, without the configuration in the environment of the tests.
pub(crate) fn counterfoil(arguments: &[&str]) -> Command {
    copy_of_counterfoil(Path::new(env!("CARGO_BIN_EXE_counterfoil")), arguments)
}

/// As [`counterfoil`], with the copy of the binary at `program`.
pub(crate) fn copy_of_counterfoil(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("COUNTERFOIL_") || name == "RUST_LOG")
    {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The output and the exit status of a command.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> CommandOutput {
    output_of(counterfoil(arguments).output().unwrap())
}

/// Runs the command with `input` as its standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &str) -> CommandOutput {
    let mut command = counterfoil(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // It may exit before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    output_of(child.wait_with_output().unwrap())
}

/// Runs the command on the data directory `dir`, expects success, and returns its standard output.
pub(crate) fn succeed(dir: &Path, arguments: &[&str]) -> String {
    let output = run(&in_dir(dir, arguments));
    assert_eq!(output.status, 0, "{arguments:?}: {output:?}");
    output.stdout
}

/// `arguments` for the data directory `dir`.
pub(crate) fn in_dir<'a>(dir: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--data-dir", dir.to_str().unwrap()], arguments].concat()
}

/// The output of a process that has exited.
pub(crate) fn output_of(output: Output) -> CommandOutput {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput {
        status: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A running server; it is killed when dropped.
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

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts `command`, and waits until it prints its address.
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

    /// Starts `dev` on a free port; returns also the text that it prints.
    pub(crate) fn dev(log: &Path) -> (Self, String) {
        Self::dev_with(log, &[])
    }

    /// As [`Server::dev`], with more arguments, which may set the address.
    pub(crate) fn dev_with(log: &Path, arguments: &[&str]) -> (Self, String) {
        let listen: &[&str] =
            if arguments.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        let mut command = counterfoil(&[&["dev"], listen, arguments].concat());
        let err = File::create(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(err).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, out, base: String::new() };
        let mut text = String::new();
        loop {
            let line = server.line();
            assert!(!line.is_empty() || !text.is_empty(), "{}", std::fs::read_to_string(log).unwrap());
            text = text + &line + "\n";
            if line.starts_with("Data: ") {
                break;
            }
        }
        text.lines().next().unwrap().clone_into(&mut server.base);
        (server, text)
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

    /// Sends a signal, and does not wait.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends the signal, and waits until the server has exited.
    pub(crate) fn stop(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        end_of(&mut self.child, SHUTDOWN_TIMEOUT)
    }

    /// Kills the server, as in a crash.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a request with curl; returns the status and the JSON body.
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

    /// Sends POST with JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.curl(path, &["-H", "Content-Type: application/json", "-d", &body.to_string()])
    }

    /// Sends GET with a bearer token.
    pub(crate) fn get(&self, path: &str, bearer: &str) -> (u16, Value) {
        self.curl(path, &["-H", &format!("Authorization: Bearer {bearer}")])
    }
}

/// Waits for what another process does: a test fails when it takes a minute.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for the end of a process: a test fails when it does not end, and does not hang.
pub(crate) fn end_of(child: &mut Child, limit: Duration) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < limit, "the process does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
