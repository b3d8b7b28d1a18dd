//! Scenario `load-spike`: 1,000 users log in at once, and other requests are served as fast as before.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::http::{Connection, Request, send};
use crate::load::{AsyncConnection, run_low_priority, wait_retry_after};
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_megabytes, format_millis, median, percentile_99};
use crate::server::Server;

/// The number of steps of the scenario.
pub const STEPS: usize = 3;

/// The number of users that log in.
const USERS: u32 = 1_000;

/// The limit for the server's memory during the spike, in bytes.
const MAX_MEMORY: u64 = 150_000_000;

/// The length of each measurement.
const PHASE: Duration = Duration::from_secs(10);

/// The number of connections that measure the capacity of the server.
const CAPACITY_CONNECTIONS: u32 = 16;

/// The number of connections that measure latency at a fifth of the capacity.
const LATENCY_CONNECTIONS: u32 = 4;

const PASSWORD: &str = "correct horse battery staple";

/// Measures `GET /v1/me` at a fifth of its capacity, first without other load, then during a spike of logins
/// that are hashed with the parameters of production. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, progress: Progress<'_>) -> Result<Report> {
    let config = LaunchConfig::new(dir.join("data")).with_production_hashing();
    let server = program.start(&config)?;
    let request = authenticated_request(server.address)?;
    let capacity = measure_latencies(server.address, &request, CAPACITY_CONNECTIONS, None)?.rate();
    progress();
    let interval = Duration::from_secs_f64(5.0 / capacity) * LATENCY_CONNECTIONS;
    let baseline = measure_latencies(server.address, &request, LATENCY_CONNECTIONS, Some(interval))?;
    progress();
    let spike = measure_during_spike(&server, &request, interval)?;
    progress();
    Ok(report(capacity, baseline, spike))
}

fn report(capacity: f64, mut baseline: Latencies, mut spike: Spike) -> Report {
    let medians = (median(&mut baseline.samples), median(&mut spike.latencies.samples));
    let p99s = (percentile_99(&mut baseline.samples), percentile_99(&mut spike.latencies.samples));
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let LoginCounts { accepted, retryable, unexpected } = &*spike.logins;
    let (accepted, retryable, unexpected) = (count(accepted), count(retryable), count(unexpected));
    let mut report = Report::new("load-spike");
    report.add_measurement("capacity of GET /v1/me, requests per second", format!("{capacity:.0}"));
    report.add_measurement("measured at, requests per second", format!("{:.0}", spike.latencies.rate()));
    report.add_measurement(
        "median: baseline, during the spike",
        format!("{}, {}", format_millis(medians.0), format_millis(medians.1)),
    );
    report.add_measurement("p99: baseline", format_millis(p99s.0));
    report.add_criterion(
        "p99: during the spike",
        "<= 2 x baseline",
        format_millis(p99s.1),
        p99s.1 <= p99s.0 * 2,
    );
    let memory = spike.max_memory;
    report.add_criterion("maximum memory", "< 150 MB", format_megabytes(memory), memory < MAX_MEMORY);
    report.add_criterion("accepted logins", "> 0", accepted, accepted > 0);
    report.add_criterion("logins with 503 and Retry-After", "> 0", retryable, retryable > 0);
    report.add_criterion("other responses to logins", "0", unexpected, unexpected == 0);
    report
}

/// A `GET /v1/me` request with the session token of a new user.
fn authenticated_request(address: SocketAddr) -> Result<Request> {
    let body = json!({ "username": "ada", "password": PASSWORD });
    send(address, &Request::post("/v1/register").json(&body))?;
    let login = send(address, &Request::post("/v1/login").json(&body))?.json();
    let token = login["session_token"].as_str().context("the login returned no session token")?;
    Ok(Request::get("/v1/me").bearer(token))
}

/// The response times of one measurement.
struct Latencies {
    samples: Vec<Duration>,
}

impl Latencies {
    /// Requests per second.
    fn rate(&self) -> f64 {
        self.samples.len() as f64 / PHASE.as_secs_f64()
    }
}

/// Sends the request over `connections` for one phase: on each once per `interval`, or as fast as possible.
fn measure_latencies(
    address: SocketAddr,
    request: &Request,
    connections: u32,
    interval: Option<Duration>,
) -> Result<Latencies> {
    let measure = |number: u32| -> Result<Vec<Duration>> {
        let (mut connection, mut samples) = (Connection::new(address), Vec::new());
        let started_at = Instant::now();
        let mut idle_since = started_at;
        // The connections are staggered within the interval.
        let mut due = interval.map(|interval| started_at + interval / connections * number);
        while started_at.elapsed() < PHASE {
            let measured_from = wait_until_due(due, idle_since);
            let response = connection.send(request).ok().context("the server does not respond")?;
            ensure!(response.status == 200, "GET /v1/me gets {}", response.status);
            idle_since = Instant::now();
            samples.push(idle_since - measured_from);
            due = due.zip(interval).map(|(due, interval)| due + interval);
        }
        Ok(samples)
    };
    let results: Vec<Result<Vec<Duration>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(move || measure(number))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect()
    });
    let samples: Vec<Vec<Duration>> = results.into_iter().collect::<Result<_>>()?;
    Ok(Latencies { samples: samples.concat() })
}

/// Waits until a request is due, and returns the time from which its latency counts. If the previous response
/// came after the due time, that is the due time: a slow server must not reduce its own load (coordinated
/// omission). Otherwise it is now, so that a late wake-up of this thread does not count.
fn wait_until_due(due: Option<Instant>, idle_since: Instant) -> Instant {
    match due {
        Some(due) if due > idle_since => {
            sleep(due.saturating_duration_since(Instant::now()));
            Instant::now()
        }
        Some(due) => due,
        None => Instant::now(),
    }
}

/// The responses to the logins.
#[derive(Default)]
struct LoginCounts {
    accepted: AtomicUsize,
    /// 503 with `Retry-After`.
    retryable: AtomicUsize,
    unexpected: AtomicUsize,
}

/// What was measured during the spike.
struct Spike {
    latencies: Latencies,
    logins: Arc<LoginCounts>,
    /// The largest resident set size, in bytes.
    max_memory: u64,
}

/// Measures latency and memory while all users log in, again and again.
fn measure_during_spike(server: &Server, request: &Request, interval: Duration) -> Result<Spike> {
    let (logins, stop) = (Arc::<LoginCounts>::default(), Arc::new(AtomicBool::new(false)));
    let (max_memory, start) = (AtomicU64::new(0), Barrier::new(2));
    let latencies = thread::scope(|scope| {
        let spike = scope.spawn(|| {
            start.wait();
            run_low_priority(log_in_all(server.address, &logins, &stop))
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                max_memory.fetch_max(server.resident_memory().unwrap_or(0), Ordering::Relaxed);
                sleep(Duration::from_millis(50));
            }
        });
        start.wait();
        let latencies = measure_latencies(server.address, request, LATENCY_CONNECTIONS, Some(interval));
        stop.store(true, Ordering::Relaxed);
        spike.join().expect("the login threads do not panic")?;
        latencies
    })?;
    Ok(Spike { latencies, logins, max_memory: max_memory.into_inner() })
}

/// Logs all users in at once.
async fn log_in_all(address: SocketAddr, logins: &Arc<LoginCounts>, stop: &Arc<AtomicBool>) {
    let mut tasks = JoinSet::new();
    for number in 0..USERS {
        let jitter = Duration::from_secs(1) * number / USERS;
        tasks.spawn(log_in_repeatedly(address, jitter, Arc::clone(logins), Arc::clone(stop)));
    }
    tasks.join_all().await;
}

/// Logs in until stopped. Pauses for `Retry-After` (one second after a success) and the jitter.
async fn log_in_repeatedly(
    address: SocketAddr,
    jitter: Duration,
    logins: Arc<LoginCounts>,
    stop: Arc<AtomicBool>,
) {
    let body = json!({ "username": "ada", "password": PASSWORD });
    let (request, mut connection) = (Request::post("/v1/login").json(&body), AsyncConnection::new(address));
    while !stop.load(Ordering::Relaxed) {
        let Ok(response) = connection.send(&request).await else {
            logins.unexpected.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let counter = match response.status {
            200 => &logins.accepted,
            _ if response.is_retryable_503() => &logins.retryable,
            _ => &logins.unexpected,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        wait_retry_after(&response, jitter).await;
    }
}
