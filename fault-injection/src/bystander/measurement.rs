//! The bystander: what it does, and how long it takes.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use crate::bystander::identity::Identity;
use crate::bystander::plan::Plan;
use crate::bystander::row::Probe;
use crate::http::{Request, Response};
use crate::load::AsyncConnection;
use crate::report::percentile_99;

/// The time between two rounds of the bystander.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the bystander waits for a response.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How often a request to the admin socket is sent.
const MAX_ATTEMPTS: usize = 5;

/// What the bystander saw.
#[derive(Debug, Default)]
pub struct Measurement {
    /// The time of a connect with its first response.
    pub connects: Vec<Duration>,
    /// The time of a login.
    pub logins: Vec<Duration>,
    /// The time of `GET /v1/me`.
    pub me: Vec<Duration>,
    /// The time of a request to the listener that the row is about.
    pub probes: Vec<Duration>,
    /// What failed, and how often.
    pub failures: BTreeMap<String, u64>,
}

/// Measures for the time of the plan.
pub(crate) async fn measure(bystander: &Identity, probe: Probe, plan: &Plan) -> Measurement {
    let mut measurement = Measurement::default();
    let (started_at, mut next_login) = (Instant::now(), Duration::ZERO);
    let mut token = bystander.session_token.clone();
    while started_at.elapsed() < plan.duration {
        let mut connection = AsyncConnection::from_source(bystander.source, bystander.target.address);
        let connect = measurement.send("GET /healthz", &mut connection, &Request::get("/healthz")).await;
        measurement.connects.extend(connect.map(|(time, _)| time));
        if started_at.elapsed() >= next_login {
            next_login = started_at.elapsed() + plan.login_interval;
            if let Some((time, login)) =
                measurement.send("the login", &mut connection, &bystander.login()).await
            {
                measurement.logins.push(time);
                // The limit of sessions ends the oldest, so the newest token is used.
                token = login.json()["session_token"].as_str().map_or(token, str::to_owned);
            }
        }
        let me =
            measurement.send("GET /v1/me", &mut connection, &Request::get("/v1/me").bearer(&token)).await;
        measurement.me.extend(me.map(|(time, _)| time));
        measurement.probe(bystander, probe).await;
        sleep(PAUSE).await;
    }
    measurement
}

impl Measurement {
    /// Each 99th percentile with its name and its bound.
    pub fn percentiles(&self, plan: &Plan) -> Vec<(&'static str, Duration, Duration)> {
        let all = [
            ("a connect", &self.connects, plan.max_latency),
            ("GET /v1/me", &self.me, plan.max_latency),
            ("a login", &self.logins, plan.max_login_latency),
            ("the listener", &self.probes, plan.max_latency),
        ];
        let used = all.into_iter().filter(|(_, times, _)| !times.is_empty());
        used.map(|(what, times, bound)| (what, percentile_99(&mut times.clone()), bound)).collect()
    }

    /// Sends a request. A status that is no success, an error and a timeout are failures.
    async fn send(
        &mut self,
        what: &str,
        connection: &mut AsyncConnection,
        request: &Request,
    ) -> Option<(Duration, Response)> {
        let started_at = Instant::now();
        let failure = match timeout(MAX_WAIT, connection.send(request)).await {
            Ok(Ok(response)) if response.is_success() => return Some((started_at.elapsed(), response)),
            Ok(Ok(response)) => format!("{what} gets {}", response.status),
            Ok(Err(error)) => format!("{what} gets no response: {error}"),
            Err(_) => format!("{what} gets no response within {MAX_WAIT:?}"),
        };
        *self.failures.entry(failure).or_default() += 1;
        None
    }

    /// Sends a request to the listener that the row is about.
    async fn probe(&mut self, bystander: &Identity, probe: Probe) {
        match probe {
            Probe::None => {}
            Probe::Metrics => {
                let mut connection = AsyncConnection::from_source(bystander.source, bystander.target.metrics);
                let sent = self.send("GET /metrics", &mut connection, &Request::get("/metrics")).await;
                self.probes.extend(sent.map(|(time, _)| time));
            }
            Probe::AdminSocket => {
                let started_at = Instant::now();
                match timeout(MAX_WAIT, ask_for_status(bystander)).await {
                    Ok(Ok(())) => self.probes.push(started_at.elapsed()),
                    failed => {
                        let failure = format!("the admin socket does not answer: {failed:?}");
                        *self.failures.entry(failure).or_default() += 1;
                    }
                }
            }
        }
    }
}

/// Asks for the status over the admin socket. The attacker is the same user, whose oldest silent connection is closed for
/// a new one, so the request may have to be sent again.
async fn ask_for_status(bystander: &Identity) -> io::Result<()> {
    for _ in 1..MAX_ATTEMPTS {
        if ask_once_for_status(bystander).await.is_ok() {
            return Ok(());
        }
    }
    ask_once_for_status(bystander).await
}

async fn ask_once_for_status(bystander: &Identity) -> io::Result<()> {
    let mut stream = loop {
        match UnixStream::connect(&bystander.target.admin_socket).await {
            // The queue of the socket is full for the moment. The product's client waits as well.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE).await,
            connected => break connected?,
        }
    };
    stream.write_all(b"{\"command\":\"status\"}\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    if reply.starts_with("{\"ok\"") { Ok(()) } else { Err(io::Error::other(reply)) }
}
