//! Scenario `revocation-latency`: the time from a logout until a verifier refuses the token, for three ways to learn of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time;

use crate::feed::issuer::{Issuer, Login};
use crate::feed::verifier::Method;
use crate::feed::verifier_process::{VerifierProcess, VerifierProgram};
use crate::http::{Connection, Request};
use crate::load::{AsyncConnection, run_low_priority};
use crate::program::Program;
use crate::report::{Progress, Report, format_millis, median, percentile_99};

/// The number of steps of the scenario.
pub const STEPS: usize = 3;

/// The lease: the default.
const LEASE: Duration = Duration::from_secs(3);

/// The verifiers that follow the feed.
const VERIFIERS: usize = 3;

/// The time between two requests of a client that waits for a refusal: the resolution of the measurement.
const INTERVAL: Duration = Duration::from_micros(250);

/// The pause after each revocation, so that they are distinct events.
const PAUSE: Duration = Duration::from_millis(5);

/// The longest time that is waited for a refusal.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of logouts for each way.
    pub revocations: usize,
    /// The goal for the median.
    pub median: Duration,
    /// The goal for the 99th percentile.
    pub p99: Duration,
}

impl Size {
    /// 1,000 logouts.
    pub const FULL: Self =
        Self { revocations: 1_000, median: Duration::from_millis(5), p99: Duration::from_millis(25) };
    /// Short enough for a test, with limits for a busy machine and a program that is not optimised.
    pub const SHORT: Self =
        Self { revocations: 25, median: Duration::from_millis(250), p99: Duration::from_secs(2) };
}

/// Logs out sessions one after the other and measures when each verifier refuses. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(
    program: &Program,
    verifiers: &VerifierProgram,
    dir: &Path,
    size: Size,
    progress: Progress<'_>,
) -> Result<Report> {
    let issuer = Issuer::start(program, dir, LEASE)?;
    let probe = issuer.log_in(1)?.remove(0);
    let measure = |method, count| -> Result<Latencies> {
        let config = issuer.verifier_config(issuer.address()?, &probe, method);
        let processes = verifiers.start_all(count, &config, &probe.token)?;
        let measured = log_out_each(&issuer, &processes, size.revocations)?;
        progress();
        Ok(measured)
    };
    let feed = measure(Method::Feed, VERIFIERS)?;
    let introspected = measure(Method::Introspection, 1)?;
    let unaware = {
        let config = issuer.verifier_config(issuer.address()?, &probe, Method::SignatureOnly);
        let process = verifiers.start_all(1, &config, &probe.token)?.remove(0);
        log_out_unnoticed(&issuer, &process, size.revocations.min(100))?
    };
    progress();
    Ok(report(size, feed, introspected, unaware))
}

/// The times of one way.
struct Latencies {
    /// From the sending of the logout to the first refusal, of each verifier.
    each: Vec<Duration>,
    /// Of the last verifier.
    last: Vec<Duration>,
    /// A request with a valid token.
    request: Vec<Duration>,
    /// Acceptances after a refusal, and refusals that never came.
    violations: Vec<String>,
}

/// What a verifier does that learns of nothing.
struct Unaware {
    revoked: usize,
    still_accepted: usize,
    remaining: Vec<Duration>,
}

fn log_out_each(issuer: &Issuer<'_>, processes: &[VerifierProcess], count: usize) -> Result<Latencies> {
    let mut latencies =
        Latencies { each: Vec::new(), last: Vec::new(), request: Vec::new(), violations: Vec::new() };
    let (addresses, address): (Vec<SocketAddr>, _) =
        (processes.iter().map(|process| process.address).collect(), issuer.address()?);
    let logins = issuer.log_in(count)?;
    // The first responses of a verifier load its code and open its connections.
    let work = async {
        let mut clients: Vec<_> = addresses.iter().map(|address| AsyncConnection::new(*address)).collect();
        let mut logout = AsyncConnection::new(address);
        for login in &logins {
            log_out(login, &mut logout, &mut clients, &mut latencies).await?;
            time::sleep(PAUSE).await;
        }
        anyhow::Ok(())
    };
    run_low_priority(work)??;
    Ok(latencies)
}

/// Logs one session out while a client for each verifier presents its token.
async fn log_out(
    login: &Login,
    logout: &mut AsyncConnection,
    clients: &mut Vec<AsyncConnection>,
    latencies: &mut Latencies,
) -> Result<()> {
    let request = Arc::new(Request::get("/").bearer(&login.token));
    for client in clients.iter_mut() {
        let started_at = Instant::now();
        ensure!(client.send(&request).await?.status == 200, "a valid token is refused");
        latencies.request.push(started_at.elapsed());
    }
    let started_at = Instant::now();
    let mut tasks = JoinSet::new();
    for client in clients.drain(..) {
        tasks.spawn(present_until_refused(client, Arc::clone(&request), started_at));
    }
    let response = logout.send(&login.logout()).await?;
    ensure!(response.is_success(), "the logout gets {}", response.status);
    let mut last = Duration::ZERO;
    for result in tasks.join_all().await {
        let (mut client, elapsed) = result?;
        match elapsed {
            Some(elapsed) => {
                latencies.each.push(elapsed);
                last = last.max(elapsed);
            }
            None => latencies.violations.push(format!("a token is accepted {TIMEOUT:?} after its logout")),
        }
        if client.send(&request).await?.status == 200 {
            latencies.violations.push("a token is accepted after it was refused".to_owned());
        }
        clients.push(client);
    }
    latencies.last.push(last);
    Ok(())
}

/// Presents the token until it is refused; `None` if it never is.
async fn present_until_refused(
    mut client: AsyncConnection,
    request: Arc<Request>,
    started_at: Instant,
) -> Result<(AsyncConnection, Option<Duration>)> {
    let mut ticks = time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    while started_at.elapsed() < TIMEOUT {
        ticks.tick().await;
        if client.send(&request).await?.status == 401 {
            return Ok((client, Some(started_at.elapsed())));
        }
    }
    Ok((client, None))
}

/// Logs sessions out and looks how long a verifier without revocations will accept them: until they expire.
fn log_out_unnoticed(issuer: &Issuer<'_>, process: &VerifierProcess, count: usize) -> Result<Unaware> {
    let mut unaware = Unaware { revoked: count, still_accepted: 0, remaining: Vec::new() };
    let mut connection = Connection::new(issuer.address()?);
    for login in issuer.log_in(count)? {
        let response = connection.send(&login.logout()).map_err(std::io::Error::from)?;
        ensure!(response.is_success(), "the logout gets {}", response.status);
        let time_of = |claim: &Value| Duration::from_secs(claim.as_u64().unwrap_or_default());
        unaware.remaining.push(time_of(&login.claims["exp"]) - time_of(&login.claims["iat"]));
        sleep(Duration::from_millis(1));
        unaware.still_accepted += usize::from(process.status(&login.token)? == 200);
    }
    Ok(unaware)
}

fn report(size: Size, mut feed: Latencies, mut introspected: Latencies, mut unaware: Unaware) -> Report {
    let mut report = Report::new("revocation-latency");
    report.add_measurement(
        "logouts, verifiers that follow the feed",
        format!("{}, {VERIFIERS}", size.revocations),
    );
    let (p50, p99) = (median(&mut feed.each), percentile_99(&mut feed.each));
    let goal = |limit: Duration| format!("< {} ms", limit.as_millis());
    report.add_criterion(
        "feed: logout to refusal, p50",
        &goal(size.median),
        format_millis(p50),
        p50 < size.median,
    );
    report.add_criterion("feed: logout to refusal, p99", &goal(size.p99), format_millis(p99), p99 < size.p99);
    report.add_measurement("feed: last of the verifiers, p50, p99", both(&mut feed.last));
    report.add_measurement("feed: a request with a valid token, p50, p99", both(&mut feed.request));
    report.add_measurement(
        "introspection at each request: logout to refusal, p50, p99",
        both(&mut introspected.each),
    );
    report.add_measurement(
        "introspection: a request with a valid token, p50, p99",
        both(&mut introspected.request),
    );
    let remaining = median(&mut unaware.remaining).as_secs();
    let accepted = format!("{} of {}", unaware.still_accepted, unaware.revoked);
    report.add_measurement("signature only: accepted after the logout", accepted);
    report.add_measurement("signature only: logout to refusal, at the expiry", format!("{remaining} s"));
    feed.violations.extend(introspected.violations);
    report.add_violations("accepted after a refusal, or for too long", feed.violations);
    report
}

fn both(samples: &mut [Duration]) -> String {
    format!("{}, {}", format_millis(median(samples)), format_millis(percentile_99(samples)))
}
