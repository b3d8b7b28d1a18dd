//! A run: it seeds sessions and tokens, warms up, and measures every row in each iteration.

use std::time::Duration;

use anyhow::Result;
use counterfoil_lab::load::closed_loop::{CONNECTIONS, send_requests};
use counterfoil_lab::load::requests::{RefreshRequests, RequestCycle, RequestSource, get};
use counterfoil_lab::machine::affinity;

use crate::options::{Measurement, Options};
use crate::report::{Iteration, Sample};
use crate::seed::{exchange_tokens, log_in, login_request};
use crate::server_process::{ServerProcess, primitive_rate};
use crate::{binary, million_sessions, report, revocations};

/// The number of connections for logins: enough to keep the hash pool busy.
const LOGIN_CONNECTIONS: usize = 4;

/// The number of sessions with refresh tokens. It is far larger than the number of connections, so that no
/// token is presented within the millisecond in which it was issued.
const REFRESH_SESSIONS: usize = 4_000;

/// The number of tokens in each iteration that are presented once.
const UNSEEN_TOKENS: usize = 20_000;

/// Runs the measurements, and prints the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    affinity::pin_to(affinity::CLIENT_CORE)?;
    report::print_conditions(options.seconds, options.iterations, options.credentials)?;
    let is_selected =
        |measurement| options.measurements.is_empty() || options.measurements.contains(&measurement);
    if is_selected(Measurement::Requests) {
        measure_requests(options)?;
    }
    let mut other_rows = Vec::new();
    if is_selected(Measurement::Sessions1m) {
        other_rows.push(("a session in a cookie, of 1,000,000", million_sessions::run(options)?));
    }
    if is_selected(Measurement::Revocations) {
        other_rows.extend(revocations::run(options)?);
    }
    if is_selected(Measurement::Process) {
        other_rows.extend(binary::run(&options.binary)?);
    }
    report::print_other_rows(other_rows);
    Ok(())
}

fn measure_requests(options: &Options) -> Result<()> {
    let mut benchmark = Benchmark::seed(options)?;
    let mut iterations = Vec::with_capacity(options.iterations);
    for number in 1..=options.iterations {
        eprintln!("iteration {number} of {}", options.iterations);
        iterations.push(benchmark.run_iteration()?);
    }
    report::print(&iterations);
    Ok(())
}

/// The servers and the requests of every row.
struct Benchmark {
    limit: Duration,
    /// Hashes passwords with minimal cost.
    server: ServerProcess,
    /// Hashes passwords with the default cost.
    login_server: ServerProcess,
    bare: RequestCycle,
    bare_with_token: RequestCycle,
    sessions: RequestCycle,
    cached_tokens: RequestCycle,
    bare_forwarded: RequestCycle,
    forwarded: RequestCycle,
    unseen_tokens: RequestCycle,
    refreshes: RefreshRequests,
    logins: RequestCycle,
}

impl Benchmark {
    /// Starts the servers, logs in, and prepares the requests.
    fn seed(options: &Options) -> Result<Self> {
        let (server, login_server) =
            (ServerProcess::start(&["--cheap-hashing".as_ref()])?, ServerProcess::start(&[])?);
        let address = server.address;
        eprintln!("seeding {} sessions and tokens", options.credentials);
        let sessions = log_in(address, "session", "session_token", options.credentials)?;
        let cached = exchange_tokens(address, &sessions, options.credentials)?;
        let unseen = exchange_tokens(address, &sessions, UNSEEN_TOKENS * options.iterations)?;
        let refresh_tokens = log_in(address, "hybrid", "refresh_token", REFRESH_SESSIONS)?;

        // The bare route gets the same headers, so that parsing the request costs the same.
        let cookie = |path: &'static str| {
            move |token: &String| get(address, path, &format!("cookie: counterfoil-session={token}"))
        };
        let bearer = |path: &'static str| {
            move |token: &String| get(address, path, &format!("authorization: Bearer {token}"))
        };
        let forwarded = |path: &'static str| {
            move |token: &String| {
                let headers = format!(
                    "cookie: counterfoil-session={token}\r\nx-forwarded-method: GET\r\nx-forwarded-proto: http\r\n\
                     x-forwarded-host: {address}\r\nx-forwarded-uri: /orders?page=2"
                );
                get(address, path, &headers)
            }
        };
        Ok(Self {
            limit: Duration::from_secs_f64(options.seconds),
            bare: RequestCycle::endless(sessions.iter().map(cookie("/bare")).collect()),
            bare_with_token: RequestCycle::endless(cached.iter().map(bearer("/bare")).collect()),
            sessions: RequestCycle::endless(sessions.iter().map(cookie("/protected")).collect()),
            cached_tokens: RequestCycle::endless(cached.iter().map(bearer("/protected")).collect()),
            bare_forwarded: RequestCycle::endless(sessions.iter().map(forwarded("/bare")).collect()),
            forwarded: RequestCycle::endless(sessions.iter().map(forwarded("/v1/verify/nginx")).collect()),
            unseen_tokens: RequestCycle::endless(unseen.iter().map(bearer("/protected")).collect()),
            refreshes: RefreshRequests::new(address, refresh_tokens),
            logins: RequestCycle::endless(vec![login_request(login_server.address, "session")]),
            server,
            login_server,
        })
    }

    /// Measures every row once.
    fn run_iteration(&mut self) -> Result<Iteration> {
        let (server, limit) = (&self.server, self.limit);
        self.unseen_tokens.set_limit(UNSEEN_TOKENS);
        server.warm_up(&mut self.sessions)?;
        server.warm_up(&mut self.cached_tokens)?;
        Ok(Iteration {
            bare: measure(server, CONNECTIONS, limit, &mut self.bare)?,
            bare_with_token: measure(server, CONNECTIONS, limit, &mut self.bare_with_token)?,
            session: measure(server, CONNECTIONS, limit, &mut self.sessions)?,
            cached_token: measure(server, CONNECTIONS, limit, &mut self.cached_tokens)?,
            bare_forwarded: measure(server, CONNECTIONS, limit, &mut self.bare_forwarded)?,
            forwarded: measure(server, CONNECTIONS, limit, &mut self.forwarded)?,
            unseen_token: measure(server, CONNECTIONS, Duration::MAX, &mut self.unseen_tokens)?,
            verification_rate: primitive_rate("es256", limit.as_secs_f64() / 2.0)?,
            refresh: measure(server, CONNECTIONS, limit, &mut self.refreshes)?,
            sequential_refresh: measure(server, 1, limit, &mut self.refreshes)?,
            login: measure(&self.login_server, LOGIN_CONNECTIONS, limit, &mut self.logins)?,
            hash_rate: primitive_rate("hash", limit.as_secs_f64())?,
        })
    }
}

/// Sends requests to a server for this long.
pub(crate) fn measure(
    server: &ServerProcess,
    connections: usize,
    limit: Duration,
    requests: &mut impl RequestSource,
) -> Result<Sample> {
    let before = server.cpu_time()?;
    let result = send_requests(server.address, connections, limit, requests)?;
    let cpu_time = server.cpu_time()?.saturating_sub(before);
    Ok(Sample::new(&result, cpu_time))
}
