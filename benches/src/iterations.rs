//! A run: it seeds sessions and tokens, warms up, and measures every row in each iteration.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use counterfoil_load::client::closed_loop::{CONNECTIONS, send_requests};
use counterfoil_load::client::requests::{RefreshRequests, RequestCycle, RequestSource, get};
use counterfoil_load::machine::affinity;

use crate::options::{Measurement, Options};
use crate::report::{Iteration, Sample};
use crate::row::Row;
use crate::seed::{exchange_tokens, log_in, login_request};
use crate::server_process::{ServerProcess, primitive_rate};
use crate::{before_and_after, binary, million_sessions, pages, report, revocations};

/// The number of connections for logins: enough to keep the hash pool busy.
const LOGIN_CONNECTIONS: usize = 4;

/// The number of sessions with refresh tokens. It is far larger than the number of connections, so that no
/// token is presented within the millisecond in which it was issued.
const REFRESH_SESSIONS: usize = 4_000;

/// The number of tokens in each iteration that are presented once.
const UNSEEN_TOKENS: usize = 20_000;

/// A session whose use was written longer ago than this is written at its next use, which is a minute in the server.
const USE_INTERVAL: Duration = Duration::from_secs(61);

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
    if is_selected(Measurement::Pages) {
        other_rows.extend(pages::run(options.iterations)?);
    }
    report::print_other_rows(other_rows);
    Ok(())
}

fn measure_requests(options: &Options) -> Result<()> {
    let mut benchmark = Benchmark::seed(&std::env::current_exe()?, options)?;
    let mut before =
        options.before.as_deref().map(|program| Benchmark::seed(program, options)).transpose()?;
    let (mut iterations, mut iterations_before) = (Vec::new(), Vec::new());
    for number in 1..=options.iterations {
        eprintln!("iteration {number} of {}", options.iterations);
        benchmark.warm_up()?;
        let Some(before) = &mut before else {
            iterations.push(benchmark.run_iteration()?);
            continue;
        };
        before.warm_up()?;
        let (first, second) = run_in_turn(before, &mut benchmark, number)?;
        iterations_before.push(first);
        iterations.push(second);
    }
    report::print(&iterations);
    if before.is_some() {
        before_and_after::print(&iterations_before, &iterations);
    }
    Ok(())
}

/// Measures each row of both, one directly after the other. The order alternates, so that other work on the machine affects
/// both.
fn run_in_turn(
    before: &mut Benchmark,
    after: &mut Benchmark,
    iteration: usize,
) -> Result<(Iteration, Iteration)> {
    let (mut of_before, mut of_after) = (BTreeMap::new(), BTreeMap::new());
    for (number, row) in Row::ALL.into_iter().enumerate() {
        let before_is_first = (number + iteration).is_multiple_of(2);
        if before_is_first && before.has(row) {
            of_before.insert(row, before.measure(row)?);
        }
        of_after.insert(row, after.measure(row)?);
        if !before_is_first && before.has(row) {
            of_before.insert(row, before.measure(row)?);
        }
    }
    Ok((before.complete(of_before)?, after.complete(of_after)?))
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
    /// An older revision may have no forward authentication.
    has_forwarded: bool,
    bare_forwarded: RequestCycle,
    forwarded: RequestCycle,
    unseen_tokens: RequestCycle,
    refreshes: RefreshRequests,
    logins: RequestCycle,
    /// When all sessions had been presented.
    used_at: Instant,
}

impl Benchmark {
    /// Starts the servers of `program`, logs in, and prepares the requests.
    fn seed(program: &Path, options: &Options) -> Result<Self> {
        let server = ServerProcess::start_program(program, &["--cheap-hashing".as_ref()])?;
        let login_server = ServerProcess::start_program(program, &[])?;
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
        let forward_auth = "/v1/verify/nginx";
        let mut one = RequestCycle::endless(sessions.iter().take(1).map(forwarded(forward_auth)).collect());
        one.set_limit(1);
        Ok(Self {
            has_forwarded: send_requests(address, 1, Duration::MAX, &mut one).is_ok(),
            limit: Duration::from_secs_f64(options.seconds),
            bare: RequestCycle::endless(sessions.iter().map(cookie("/bare")).collect()),
            bare_with_token: RequestCycle::endless(cached.iter().map(bearer("/bare")).collect()),
            sessions: RequestCycle::endless(sessions.iter().map(cookie("/protected")).collect()),
            cached_tokens: RequestCycle::endless(cached.iter().map(bearer("/protected")).collect()),
            bare_forwarded: RequestCycle::endless(sessions.iter().map(forwarded("/bare")).collect()),
            forwarded: RequestCycle::endless(sessions.iter().map(forwarded(forward_auth)).collect()),
            unseen_tokens: RequestCycle::endless(unseen.iter().map(bearer("/protected")).collect()),
            refreshes: RefreshRequests::new(address, refresh_tokens),
            logins: RequestCycle::endless(vec![login_request(login_server.address, "session")]),
            server,
            login_server,
            used_at: Instant::now(),
        })
    }

    /// Presents what is measured as known once, because a session that was not used for a minute is written. Before it passes
    /// more than a minute since the last time, so that all of them are written now, and not in the middle of a row.
    fn warm_up(&mut self) -> Result<()> {
        sleep(USE_INTERVAL.saturating_sub(self.used_at.elapsed()));
        self.server.warm_up(&mut self.sessions)?;
        self.used_at = Instant::now();
        self.server.warm_up(&mut self.cached_tokens)
    }

    /// Measures every row once.
    fn run_iteration(&mut self) -> Result<Iteration> {
        let samples = Row::ALL.into_iter().map(|row| Ok((row, self.measure(row)?))).collect::<Result<_>>()?;
        self.complete(samples)
    }

    /// Whether the server has what is measured in this row.
    fn has(&self, row: Row) -> bool {
        row != Row::Forwarded || self.has_forwarded
    }

    /// Measures one row.
    fn measure(&mut self, row: Row) -> Result<Sample> {
        let (server, limit) = (&self.server, self.limit);
        match row {
            Row::Bare => measure(server, CONNECTIONS, limit, &mut self.bare),
            Row::BareWithToken => measure(server, CONNECTIONS, limit, &mut self.bare_with_token),
            Row::Session => measure(server, CONNECTIONS, limit, &mut self.sessions),
            Row::CachedToken => measure(server, CONNECTIONS, limit, &mut self.cached_tokens),
            Row::BareForwarded => measure(server, CONNECTIONS, limit, &mut self.bare_forwarded),
            Row::Forwarded => measure(server, CONNECTIONS, limit, &mut self.forwarded),
            Row::UnseenToken => {
                self.unseen_tokens.set_limit(UNSEEN_TOKENS);
                measure(server, CONNECTIONS, Duration::MAX, &mut self.unseen_tokens)
            }
            Row::Refresh => measure(server, CONNECTIONS, limit, &mut self.refreshes),
            Row::SequentialRefresh => measure(server, 1, limit, &mut self.refreshes),
            Row::Login => measure(&self.login_server, LOGIN_CONNECTIONS, limit, &mut self.logins),
        }
    }

    /// Adds the primitives to the samples of every row.
    fn complete(&self, samples: BTreeMap<Row, Sample>) -> Result<Iteration> {
        Ok(Iteration {
            samples,
            verification_rate: primitive_rate("es256", self.limit.as_secs_f64() / 2.0)?,
            hash_rate: primitive_rate("hash", self.limit.as_secs_f64())?,
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
