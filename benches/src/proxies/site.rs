//! An application behind a proxy that asks Counterfoil about each request, and behind the same proxy that does not ask.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use counterfoil_load::client::closed_loop::{CONNECTIONS, LoadResult, send_requests};
use counterfoil_load::client::requests::{RequestCycle, get};
use counterfoil_load::machine::affinity;
use counterfoil_test_support::{ProxyKind, ProxyProcess, ProxySetup, free_port};

use crate::seed::{exchange_tokens, log_in};
use crate::server_process::ServerProcess;

/// How long a proxy may take to read its configuration, or to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The credential of each request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A session token in a cookie.
    Session,
    /// An access token in the `Authorization` header.
    Jwt,
}

impl Credential {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Session, Self::Jwt];

    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Session => "session in a cookie",
            Self::Jwt => "JWT",
        }
    }
}

/// A proxy with the requests for it.
struct MeasuredProxy {
    address: SocketAddr,
    _process: ProxyProcess,
    /// In the order of [`Credential::ALL`].
    requests: [RequestCycle; 2],
}

/// Everything that one proxy needs.
pub(crate) struct Site {
    guarded: MeasuredProxy,
    open: MeasuredProxy,
    server: ServerProcess,
}

impl Site {
    /// Starts the proxy twice, and a Counterfoil whose issuer is at the guarded one, and logs in.
    pub(crate) fn start(
        kind: ProxyKind,
        program: &Path,
        application: SocketAddr,
        credentials: usize,
    ) -> Result<Self> {
        let [guarded, open] = [free_port(), free_port()].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let issuer = format!("--issuer=http://{guarded}");
        let server = ServerProcess::start(&["--cheap-hashing".as_ref(), issuer.as_ref()])?;
        let sessions = log_in(server.address, "session", "session_token", credentials)?;
        let tokens = exchange_tokens(server.address, &sessions, credentials)?;
        let start = |address, requirements| {
            let host = "127.0.0.1";
            let setup = ProxySetup {
                proxy: address,
                counterfoil: server.address,
                application,
                host,
                requirements,
                has_tls: false,
            };
            let cookies = sessions.iter().map(|token| format!("cookie: counterfoil-session={token}"));
            let bearers = tokens.iter().map(|token| format!("authorization: Bearer {token}"));
            let request = |header: String| get(address, "/bare", &header);
            anyhow::Ok(MeasuredProxy {
                address,
                _process: start_on_server_core(kind, program, &setup)?,
                requests: [cookies.map(request).collect(), bearers.map(request).collect()]
                    .map(RequestCycle::endless),
            })
        };
        let (guarded, open) = (start(guarded, Some("-"))?, start(open, None)?);
        wait_for_status(guarded.address, 401)?;
        wait_for_status(open.address, 200)?;
        Ok(Self { guarded, open, server })
    }

    /// Presents every session once, because one that was not used for a minute is written.
    pub(crate) fn warm_up(&mut self) -> Result<()> {
        for requests in &mut self.guarded.requests {
            requests.set_limit(requests.len());
            send_requests(self.guarded.address, CONNECTIONS, Duration::MAX, requests)?;
            requests.set_limit(usize::MAX);
        }
        self.server.wait_until_idle()
    }

    /// Sends requests for this long through the proxy that asks, or through the one that does not.
    pub(crate) fn measure(
        &mut self,
        credential: Credential,
        is_guarded: bool,
        limit: Duration,
    ) -> Result<LoadResult> {
        let proxy = if is_guarded { &mut self.guarded } else { &mut self.open };
        let requests = &mut proxy.requests[credential as usize];
        Ok(send_requests(proxy.address, CONNECTIONS, limit, requests)?)
    }
}

/// Starts a proxy on the core of the servers.
fn start_on_server_core(kind: ProxyKind, program: &Path, setup: &ProxySetup<'_>) -> Result<ProxyProcess> {
    // A process inherits the core of the thread that starts it.
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            affinity::pin_to(affinity::SERVER_CORE)?;
            Ok(ProxyProcess::start(kind, program, setup)?)
        });
        started.join().unwrap_or_else(|_| bail!("the thread that starts a proxy has panicked"))
    })
}

/// Waits until a request without a credential gets this status: some proxies accept connections before they have read their
/// configuration.
fn wait_for_status(proxy: SocketAddr, status: u16) -> Result<()> {
    let started = Instant::now();
    loop {
        let found = status_of(proxy).unwrap_or_default();
        if found.split(' ').nth(1) == Some(status.to_string().as_str()) {
            return Ok(());
        }
        ensure!(started.elapsed() < DEADLINE, "the proxy answers {found:?} and not {status}");
        sleep(Duration::from_millis(50));
    }
}

/// The first line of the response to a request without a credential.
fn status_of(proxy: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(&get(proxy, "/bare", "connection: close"))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).context("no response")?;
    Ok(line.trim().to_owned())
}
