//! An Express application of the usual kind, which verifies a JWT at each request, as a process on the core of the server.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use counterfoil_load::client::exchange::BlockingConnection;
use counterfoil_load::client::requests::{get, post};
use counterfoil_load::machine::affinity;
use tempfile::TempDir;

use crate::error::LabError;

/// The application.
const SOURCE: &str = include_str!("express.cjs");

/// The number of tokens, which are presented in turn. The application caches none, so that more would change nothing.
const TOKENS: usize = 200;

/// How the application has its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretForm {
    /// As text, which is parsed at each request.
    Text,
    /// As a key object.
    Object,
}

/// A running application.
pub(crate) struct ExpressApplication {
    pub(crate) address: SocketAddr,
    /// The requests of its protected route, each with a token of its own.
    pub(crate) requests: Vec<Vec<u8>>,
    /// How many bytes the token adds to a request.
    pub(crate) header_bytes: usize,
    child: Child,
    _dir: TempDir,
}

impl ExpressApplication {
    /// Starts it with the packages in `node_modules`, and logs in.
    pub(crate) fn start(node_modules: &Path, secret: SecretForm, is_pinned: bool) -> Result<Self, LabError> {
        let dir = tempfile::tempdir().map_err(LabError::io("create a temporary directory"))?;
        let source = dir.path().join("express.cjs");
        std::fs::write(&source, SOURCE).map_err(LabError::io("write the Express application"))?;
        let mut child = spawn(&source, node_modules, secret, is_pinned)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(LabError::io("read from the Express application"))?;
        }
        let Ok(port) = line.trim().parse::<u16>() else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(LabError::NoExpress { node_modules: node_modules.to_owned() });
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut application = Self { address, requests: Vec::new(), header_bytes: 0, child, _dir: dir };
        application.log_in()?;
        Ok(application)
    }

    /// The first of its requests.
    pub(crate) fn request(&self) -> &[u8] {
        self.requests.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// The id of the process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    fn log_in(&mut self) -> Result<(), LabError> {
        let connect = LabError::io("connect to the Express application");
        let mut connection = BlockingConnection::open(self.address).map_err(connect)?;
        for number in 0..TOKENS {
            let body = format!("{{\"username\":\"user{number}\"}}");
            let response = connection.send(&post(self.address, "/login", "accept: */*", &body));
            let response = response.map_err(LabError::io("log in at the Express application"))?;
            let header =
                format!("authorization: Bearer {}", response.expect(200, "POST /login")?.text("token"));
            self.header_bytes = header.len() + "\r\n".len();
            self.requests.push(get(self.address, "/protected", &header));
        }
        Ok(())
    }
}

impl Drop for ExpressApplication {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts node from a thread on the core of the server: a process inherits the core of the thread that starts it.
fn spawn(source: &Path, node_modules: &Path, secret: SecretForm, is_pinned: bool) -> Result<Child, LabError> {
    let form = match secret {
        SecretForm::Text => "text",
        SecretForm::Object => "object",
    };
    let node_modules = node_modules.canonicalize().unwrap_or_else(|_| node_modules.to_owned());
    let mut command = Command::new("node");
    command.arg(source).arg(form).env("NODE_PATH", &node_modules).env("NODE_ENV", "production");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let spawned = thread::spawn(move || {
        if is_pinned {
            affinity::pin_to(affinity::SERVER_CORE)?;
        }
        command.spawn()
    });
    let spawned = spawned.join().unwrap_or_else(|_| Err(std::io::Error::other("the thread has panicked")));
    spawned.map_err(|_| LabError::NoExpress { node_modules })
}
