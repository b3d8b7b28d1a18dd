//! Scenario `thundering-herd`: many clients refresh at once; each gets its successor, and no session ends.
//!
//! They are the tabs of one browser, all clients when their tokens expire, and all clients after an outage.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::http::{Request, Response, send};
use crate::load::{AsyncConnection, run_low_priority, wait_retry_after};
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_megabytes, format_millis, percentile_99};

/// The number of steps of the scenario.
pub const STEPS: usize = 5;

/// The limit for the 99th percentile of a refresh.
const MAX_LATENCY: Duration = Duration::from_secs(1);

/// The limit for the time until all clients have refreshed after an outage.
const MAX_RECOVERY_TIME: Duration = Duration::from_secs(60);

/// The number of connections that the clients share.
const CONNECTIONS: usize = 1_000;

/// How many clients log in concurrently at the beginning; fewer than the queue of the password hasher holds.
const CONCURRENT_LOGINS: usize = 32;

const PASSWORD: &str = "correct horse battery staple";

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of clients; each has a session of its own.
    pub clients: usize,
    /// The number of tabs that send the same refresh token.
    pub tabs: usize,
    /// The time within which the tokens of all clients expire.
    pub window: Duration,
}

impl Size {
    /// 10,000 clients within ten seconds, and 1,000 tabs.
    pub const FULL: Self = Self { clients: 10_000, tabs: 1_000, window: Duration::from_secs(10) };
    /// Short enough for a test.
    pub const SHORT: Self = Self { clients: 300, tabs: 100, window: Duration::from_secs(1) };
}

/// Runs the scenario in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, size: Size, progress: Progress<'_>) -> Result<Report> {
    // The clients have addresses of their own; here all connections come from one.
    let config =
        LaunchConfig::new(dir.join("data")).with_env("COUNTERFOIL_MAX_PENDING_CONNECTIONS_PER_IP", "1000000");
    let server = program.start(&config)?;
    let account = json!({ "username": "ada", "password": PASSWORD });
    let registered = send(server.address, &Request::post("/v1/register").json(&account))?;
    ensure!(registered.is_success(), "registration failed: {}", registered.status);
    let logins = log_in_all(server.address, size.clients + 1);
    let mut clients = run_low_priority(logins)?.context("logging in")?;
    progress();
    let browser = clients.pop().context("no client is logged in")?;
    let tabs = refresh_in_tabs(server.address, browser.refresh_token, size.tabs);
    let tabs = run_low_priority(tabs)?.context("refreshing in the tabs")?;
    progress();
    let refreshes = refresh_all(server.address, clients, size.window);
    let (clients, at_expiry) = run_low_priority(refreshes)?.context("refreshing at expiry")?;
    let memory = server.resident_memory()?;
    progress();
    drop(server);
    let server = program.start(&config)?;
    let refreshes = refresh_all(server.address, clients, Duration::ZERO);
    let (mut clients, after_outage) = run_low_priority(refreshes)?.context("refreshing after the outage")?;
    progress();
    clients.push(tabs.client.clone());
    let rejected = count_rejected(server.address, clients);
    let rejected = run_low_priority(rejected)?.context("counting ended sessions")?;
    progress();
    Ok(report(size, &tabs, at_expiry, memory, &after_outage, rejected))
}

fn report(
    size: Size,
    tabs: &Tabs,
    mut at_expiry: RefreshStats,
    memory: u64,
    after_outage: &RefreshStats,
    ended_sessions: usize,
) -> Report {
    let latency = percentile_99(&mut at_expiry.latencies);
    let mut report = Report::new("thundering-herd");
    report.add_measurement("clients, tabs", format!("{}, {}", size.clients, size.tabs));
    report.add_criterion("successors given to the tabs", "1", tabs.successors, tabs.successors == 1);
    report.add_measurement("429 given to the tabs", tabs.rate_limited);
    report.add_measurement("at expiry: responses with Retry-After", at_expiry.retries);
    report.add_criterion("at expiry: p99", "< 1 s", format_millis(latency), latency < MAX_LATENCY);
    report.add_criterion("at expiry: rejected refreshes", "0", at_expiry.rejected, at_expiry.rejected == 0);
    report.add_measurement("at expiry: memory", format_megabytes(memory));
    let recovery_time = after_outage.total_time;
    report.add_criterion(
        "after an outage: time until all have refreshed",
        "< 60 s",
        format_millis(recovery_time),
        recovery_time < MAX_RECOVERY_TIME,
    );
    report.add_measurement("after an outage: responses with Retry-After", after_outage.retries);
    let rejected = after_outage.rejected;
    report.add_criterion("after an outage: rejected refreshes", "0", rejected, rejected == 0);
    report.add_criterion("ended sessions", "0", ended_sessions, ended_sessions == 0);
    report
}

/// The credentials of a client.
#[derive(Debug, Clone)]
struct Client {
    refresh_token: String,
    access_token: String,
}

impl Client {
    /// The tokens of a response, if it has both.
    fn from_response(response: &Response) -> Option<Self> {
        let body = response.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Some(Self { refresh_token: text("refresh_token")?, access_token: text("access_token")? })
    }

    fn refresh_request(&self) -> Request {
        Request::post("/v1/refresh").json(&json!({ "refresh_token": self.refresh_token }))
    }
}

/// Logs in `count` times.
async fn log_in_all(address: SocketAddr, count: usize) -> Result<Vec<Client>> {
    let remaining = Arc::new(AtomicUsize::new(count));
    let credentials = json!({ "username": "ada", "password": PASSWORD, "mode": "hybrid" });
    let mut tasks = JoinSet::new();
    for _ in 0..CONCURRENT_LOGINS {
        let (remaining, request) = (Arc::clone(&remaining), Request::post("/v1/login").json(&credentials));
        tasks.spawn(async move {
            let mut connection = AsyncConnection::new(address);
            let mut clients = Vec::new();
            while take_one(&remaining) {
                let response = connection.send(&request).await?;
                let client = Client::from_response(&response);
                clients.push(client.with_context(|| format!("login failed: {}", response.status))?);
            }
            anyhow::Ok(clients)
        });
    }
    let parts: Result<Vec<Vec<Client>>> = tasks.join_all().await.into_iter().collect();
    Ok(parts?.concat())
}

/// Decrements the counter; false if it is zero.
fn take_one(remaining: &AtomicUsize) -> bool {
    remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
}

/// What the tabs of one browser got.
struct Tabs {
    /// The number of different successors.
    successors: usize,
    /// How many tabs got 429 because the token was sent too often. They use the successor of another tab.
    rate_limited: usize,
    client: Client,
}

/// Sends the same refresh token from `count` tabs of one browser at once.
async fn refresh_in_tabs(address: SocketAddr, refresh_token: String, count: usize) -> Result<Tabs> {
    let request = Request::post("/v1/refresh").json(&json!({ "refresh_token": refresh_token }));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let request = request.clone();
        tasks.spawn(async move { AsyncConnection::new(address).send(&request).await });
    }
    let responses: io::Result<Vec<Response>> = tasks.join_all().await.into_iter().collect();
    let (rate_limited, refreshed): (Vec<_>, Vec<_>) =
        responses?.into_iter().partition(|response| response.status == 429);
    let clients: Option<Vec<Client>> = refreshed.iter().map(Client::from_response).collect();
    let clients = clients.context("the refresh of a tab was rejected")?;
    let successors = clients.iter().map(|client| &client.refresh_token).collect::<BTreeSet<_>>().len();
    let client = clients.into_iter().next().context("no tab got a successor")?;
    Ok(Tabs { successors, rate_limited: rate_limited.len(), client })
}

/// The result of refreshing many clients.
#[derive(Default)]
struct RefreshStats {
    /// The time from when each refresh was due to its final response, retries included.
    latencies: Vec<Duration>,
    /// The number of responses with `Retry-After`.
    retries: usize,
    /// The number of refreshes that were rejected.
    rejected: usize,
    /// The time until the last response.
    total_time: Duration,
}

/// Refreshes all clients, evenly distributed over `window`; all at once if it is zero.
async fn refresh_all(
    address: SocketAddr,
    clients: Vec<Client>,
    window: Duration,
) -> Result<(Vec<Client>, RefreshStats)> {
    let (total, started_at) = (clients.len(), Instant::now());
    let mut groups: Vec<Vec<(Instant, Duration, Client)>> = vec![Vec::new(); CONNECTIONS.min(total)];
    for (number, client) in clients.into_iter().enumerate() {
        let due = started_at + share(window, number, total);
        let jitter = share(Duration::from_secs(1), number, total);
        groups[number % CONNECTIONS].push((due, jitter, client));
    }
    let mut tasks = JoinSet::new();
    for group in groups {
        tasks.spawn(refresh_group(address, group));
    }
    let (mut clients, mut total_stats) = (Vec::new(), RefreshStats::default());
    for part in tasks.join_all().await {
        let (refreshed, stats) = part?;
        clients.extend(refreshed);
        total_stats.latencies.extend(stats.latencies);
        total_stats.retries += stats.retries;
        total_stats.rejected += stats.rejected;
    }
    total_stats.total_time = started_at.elapsed();
    Ok((clients, total_stats))
}

/// Refreshes clients one after another over one connection; each is given with its due time and its jitter.
async fn refresh_group(
    address: SocketAddr,
    group: Vec<(Instant, Duration, Client)>,
) -> Result<(Vec<Client>, RefreshStats)> {
    let mut connection = AsyncConnection::new(address);
    let (mut clients, mut stats) = (Vec::new(), RefreshStats::default());
    for (due, jitter, client) in group {
        // The latency counts from the due time, even if an earlier response on this connection was late.
        sleep_until(due).await;
        let request = client.refresh_request();
        let (response, retries) = send_with_retries(&mut connection, &request, jitter).await?;
        stats.latencies.push(due.elapsed());
        stats.retries += retries;
        match Client::from_response(&response) {
            Some(next) => clients.push(next),
            None => stats.rejected += 1,
        }
    }
    Ok((clients, stats))
}

/// The part of `duration` that has passed when it is the turn of `number` of `total`.
fn share(duration: Duration, number: usize, total: usize) -> Duration {
    duration.mul_f64(number as f64 / total as f64)
}

/// Sends a request, and again as `Retry-After` says until the status is neither 429 nor 503. Returns the
/// final response and the number of retries.
async fn send_with_retries(
    connection: &mut AsyncConnection,
    request: &Request,
    jitter: Duration,
) -> Result<(Response, usize)> {
    let mut retries = 0;
    loop {
        let response = connection.send(request).await?;
        if !matches!(response.status, 429 | 503) {
            return Ok((response, retries));
        }
        ensure!(response.header("retry-after").is_some(), "a {} without Retry-After", response.status);
        retries += 1;
        connection.close();
        wait_retry_after(&response, jitter).await;
    }
}

/// The number of clients whose access token is rejected.
async fn count_rejected(address: SocketAddr, clients: Vec<Client>) -> Result<usize> {
    let (mut connection, mut rejected) = (AsyncConnection::new(address), 0);
    for client in clients {
        let response = connection.send(&Request::get("/v1/me").bearer(&client.access_token)).await?;
        rejected += usize::from(response.status != 200);
    }
    Ok(rejected)
}
