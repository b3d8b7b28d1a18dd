//! Redis servers and sentinels of the tests' own, which end with the process of the tests. `COUNTERFOIL_REDIS_SERVER` names
//! another program than `redis-server`: that of Valkey.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Runs a server in a new directory, and when its standard input is closed ends it and deletes the directory. So nothing stays
/// behind, however the process of the tests ends.
const SCRIPT: &str = r#"
set -eu
port=$1 config=$2
shift 2
dir=$(mktemp -d /tmp/counterfoil-redis.XXXXXX)
cd "$dir"
trap 'test -z "${server:-}" || { kill -KILL "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }; cd /; rm -rf "$dir"' EXIT
printf '%s\n' "$config" >redis.conf
"${COUNTERFOIL_REDIS_SERVER:-redis-server}" redis.conf --bind 127.0.0.1 --port "$port" --dir "$dir" "$@" >"$dir/server.log" 2>&1 </dev/null &
server=$!
for attempt in $(seq 400); do
    # A server with a password answers too, that it wants it.
    if redis-cli -p "$port" ping >/dev/null 2>&1; then
        echo "$server"
        break
    fi
    kill -0 "$server" || { cat "$dir/server.log" >&2; exit 1; }
    sleep 0.05
done
# Nothing is ever written: it waits for the end of the process of the tests.
cat >/dev/null
"#;

/// A running Redis server on a port of 127.0.0.1.
pub struct RedisServer {
    port: u16,
    pid: String,
    child: Child,
    /// When it is closed, the server ends.
    lifeline: Option<ChildStdin>,
}

impl RedisServer {
    /// A server with these lines of configuration. `None` if Redis is not installed.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start.
    pub fn start(config: &str) -> Option<Self> {
        Self::start_at(free_port(), config)
    }

    /// A server at this port: the one that was there has ended.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_at(port: u16, config: &str) -> Option<Self> {
        // Nothing is written to the disk: the cache is not the home of anything.
        let config = format!("save \"\"\nappendonly no\n{config}");
        Self::run(port, &config, &[])
    }

    /// A sentinel with these lines of configuration.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_sentinel(config: &str) -> Option<Self> {
        Self::run(free_port(), config, &["--sentinel"])
    }

    fn run(port: u16, config: &str, arguments: &[&str]) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let mut child = Command::new("bash")
            .args(["-c", SCRIPT, "redis-of-tests"])
            .args([port.to_string().as_str(), config])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash can be started");
        let lifeline = child.stdin.take();
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("its output can be read");
        assert!(!line.is_empty(), "Redis has started");
        Some(Self { port, pid: line.trim().to_owned(), child, lifeline })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Executes a command by `redis-cli`; returns what it prints, without the last line break. An error of the server is text
    /// as well.
    ///
    /// # Panics
    ///
    /// If it cannot be executed.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string()]).args(arguments);
        let output = command.output().expect("redis-cli can be started");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// A number of the section `INFO`.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn info(&self, name: &str) -> u64 {
        let info = self.cli(&["info", "everything"]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("{name} in {info}"))
    }

    /// Sends a signal, like `STOP` or `CONT`.
    ///
    /// # Panics
    ///
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid]).status();
        assert!(sent.expect("kill can be started").success());
    }

    /// Ends the server as a crash would.
    ///
    /// # Panics
    ///
    /// If it has ended before.
    pub fn kill(mut self) {
        self.signal("KILL");
        self.end();
    }

    fn end(&mut self) {
        self.lifeline.take();
        let _ = self.child.wait();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the server and its command line are installed.
fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<_> = std::env::split_paths(&path).collect();
    ["redis-server", "redis-cli"].iter().all(|program| dirs.iter().any(|dir| dir.join(program).is_file()))
}

/// A port that nothing listens on.
///
/// # Panics
///
/// If no port is free.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
