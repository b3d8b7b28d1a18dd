//! Scenario `reconnection`: 1,000 verifiers connect at once; the issuer stays small and answers logins meanwhile.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::task::JoinSet;

use crate::feed::issuer::{Issuer, login_request};
use crate::http::{Connection, Request};
use crate::load::{AsyncConnection, run_low_priority};
use crate::program::Program;
use crate::report::{Progress, Report, format_megabytes, format_millis, median, percentile_99};
use crate::server::Server;

/// The number of steps of the scenario.
pub const STEPS: usize = 4;

/// The lease: the default.
const LEASE: Duration = Duration::from_secs(3);

/// The limit for the memory of the issuer, in bytes.
const MAX_MEMORY: u64 = 200_000_000;

/// How long logins are measured without other load.
const BASELINE: Duration = Duration::from_secs(1);

/// How many clients revoke at the same time in the preparation.
const REVOKING_CLIENTS: usize = 32;

/// The pause after a refused connection.
const PAUSE: Duration = Duration::from_millis(50);

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of verifiers.
    pub verifiers: usize,
    /// The number of active revocations: what each gets that starts.
    pub entries: usize,
    /// How long the verifiers follow after each of the two waves.
    pub follow: Duration,
}

impl Size {
    /// 1,000 verifiers and 10,000 revocations.
    pub const FULL: Self = Self { verifiers: 1_000, entries: 10_000, follow: Duration::from_secs(5) };
    /// Short enough for a test.
    pub const SHORT: Self = Self { verifiers: 150, entries: 300, follow: Duration::from_millis(300) };
}

/// Lets all verifiers start at once; then kills the issuer and lets all of them reconnect. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, size: Size, progress: Progress<'_>) -> Result<Report> {
    let mut issuer = Issuer::start(program, dir, LEASE)?;
    revoke_many(&issuer, size.entries)?;
    progress();
    let mut baseline = log_in_for(issuer.address()?, BASELINE)?;
    progress();
    let mut verifiers: Vec<_> = (0..size.verifiers).map(|_| Verifier::default()).collect();
    let started = wave(&issuer, &mut verifiers, size)?;
    progress();
    issuer.kill()?;
    // Half of the verifiers have restarted too and need a snapshot.
    verifiers.iter_mut().step_by(2).for_each(|verifier| verifier.position = None);
    issuer.restart()?;
    let reconnected = wave(&issuer, &mut verifiers, size)?;
    progress();
    let mut report = Report::new("reconnection");
    report.add_measurement("verifiers, revocations", format!("{}, {}", size.verifiers, size.entries));
    report.add_measurement("logins without verifiers: p50, p99", both(&mut baseline));
    started.report("all start", &mut report);
    reconnected.report("all reconnect", &mut report);
    Ok(report)
}

/// Revokes so many token ids.
fn revoke_many(issuer: &Issuer<'_>, entries: usize) -> Result<()> {
    let address = issuer.address()?;
    let revoke = async {
        let mut clients = JoinSet::new();
        for client in 0..REVOKING_CLIENTS {
            let requests: Vec<Request> = (client..entries)
                .step_by(REVOKING_CLIENTS)
                .map(|number| issuer.revocation(&format!("token:{}", token_id(number)), "none"))
                .collect();
            clients.spawn(async move {
                let mut connection = AsyncConnection::new(address);
                for request in requests {
                    let response = connection.send(&request).await?;
                    ensure!(response.is_success(), "a revocation gets {}", response.status);
                }
                anyhow::Ok(())
            });
        }
        clients.join_all().await.into_iter().collect::<Result<()>>()
    };
    run_low_priority(revoke)?
}

/// A token id that belongs to no token.
fn token_id(number: usize) -> String {
    counterfoil_jose::base64url::encode((number as u128 + 1).to_be_bytes())
}

/// A verifier of which only the position matters.
#[derive(Default)]
struct Verifier {
    position: Option<String>,
}

/// The members of a response that a verifier needs to continue.
#[derive(Deserialize)]
struct ResponseHead {
    log: String,
    head: u64,
    next: u64,
    #[serde(rename = "entries")]
    _entries: IgnoredAny,
}

/// What happened while all verifiers connected at once.
struct Wave {
    /// From the beginning to the first complete response of each verifier.
    fresh: Vec<Duration>,
    logins: Vec<Duration>,
    memory: u64,
    failed_polls: u64,
}

impl Wave {
    fn report(mut self, name: &str, report: &mut Report) {
        let all = self.fresh.iter().max().copied().unwrap_or_default();
        report.add_measurement(&format!("{name}: until all are fresh"), format_millis(all));
        report.add_measurement(&format!("{name}: polls that were repeated"), self.failed_polls);
        let (memory, is_small) = (format_megabytes(self.memory), self.memory < MAX_MEMORY);
        report.add_criterion(&format!("{name}: memory of the issuer"), "< 200 MB", memory, is_small);
        let count = self.logins.len();
        report.add_criterion(&format!("{name}: logins meanwhile"), "> 0", count, count > 0);
        report.add_measurement(&format!("{name}: logins, p50, p99"), both(&mut self.logins));
    }
}

/// Lets all verifiers connect at the same moment and follow for a while; logs in meanwhile.
fn wave(issuer: &Issuer<'_>, verifiers: &mut Vec<Verifier>, size: Size) -> Result<Wave> {
    let (server, address) = (issuer.server()?, issuer.address()?);
    let (stop, memory, failed) = (AtomicBool::new(false), AtomicU64::new(0), Arc::<AtomicU64>::default());
    let (fresh, logins) = thread::scope(|scope| {
        scope.spawn(|| watch_memory(server, &memory, &stop));
        let logging_in = scope.spawn(|| log_in_until(address, &stop));
        let following = follow_all(address, &issuer.verifier_key, verifiers, size, &failed);
        let fresh = run_low_priority(following);
        stop.store(true, Ordering::SeqCst);
        (fresh, logging_in.join().expect("a client does not panic"))
    });
    Ok(Wave {
        fresh: fresh??,
        logins: logins?,
        memory: memory.into_inner(),
        failed_polls: failed.load(Ordering::Relaxed),
    })
}

/// Follows with all verifiers; returns when each had its first complete response.
async fn follow_all(
    address: SocketAddr,
    key: &str,
    verifiers: &mut Vec<Verifier>,
    size: Size,
    failed: &Arc<AtomicU64>,
) -> Result<Vec<Duration>> {
    let (started_at, mut tasks) = (Instant::now(), JoinSet::new());
    for (number, verifier) in verifiers.drain(..).enumerate() {
        let poller =
            Poller { address, key: key.to_owned(), name: format!("v{number}-{}", address.port()), verifier };
        tasks.spawn(poller.follow(started_at, size.follow, Arc::clone(failed)));
    }
    let mut fresh = Vec::new();
    for result in tasks.join_all().await {
        let (verifier, fresh_after) = result?;
        verifiers.push(verifier);
        fresh.push(fresh_after);
    }
    Ok(fresh)
}

/// A verifier that polls under a name of its own.
struct Poller {
    address: SocketAddr,
    key: String,
    name: String,
    verifier: Verifier,
}

impl Poller {
    /// Follows for `follow` after its first complete response; returns when that was.
    async fn follow(
        mut self,
        started_at: Instant,
        follow: Duration,
        failed: Arc<AtomicU64>,
    ) -> Result<(Verifier, Duration)> {
        let (mut connection, mut fresh_after, mut polls) = (AsyncConnection::new(self.address), None, 0);
        loop {
            polls += 1;
            match self.poll(&mut connection, polls).await {
                Ok(true) if fresh_after.is_none() => fresh_after = Some(started_at.elapsed()),
                Ok(_) => {}
                Err(_) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    connection.close();
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if let Some(fresh_after) = fresh_after.filter(|fresh| started_at.elapsed() > *fresh + follow) {
                return Ok((self.verifier, fresh_after));
            }
            ensure!(started_at.elapsed() < Duration::from_secs(60), "a verifier is not fresh after a minute");
        }
    }

    /// Sends one poll; whether its response is complete.
    async fn poll(&mut self, connection: &mut AsyncConnection, number: u64) -> Result<bool> {
        let position = self.verifier.position.as_deref().unwrap_or_default();
        let path = format!("/v1/feed?instance={}&poll={number}{position}", self.name);
        let response = connection.send(&Request::get(&path).bearer(&self.key)).await?;
        ensure!(response.status == 200, "a poll gets {}", response.status);
        let head: ResponseHead = serde_json::from_slice(&response.body)?;
        self.verifier.position = Some(format!("&after={}&log={}", head.next, head.log));
        Ok(head.next == head.head)
    }
}

fn watch_memory(server: &Server, memory: &AtomicU64, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        memory.fetch_max(server.resident_memory().unwrap_or_default(), Ordering::Relaxed);
        sleep(Duration::from_millis(10));
    }
}

fn log_in_for(address: SocketAddr, duration: Duration) -> Result<Vec<Duration>> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let logging_in = scope.spawn(|| log_in_until(address, &stop));
        sleep(duration);
        stop.store(true, Ordering::SeqCst);
        logging_in.join().expect("a client does not panic")
    })
}

/// Logs in again and again over one connection.
fn log_in_until(address: SocketAddr, stop: &AtomicBool) -> Result<Vec<Duration>> {
    let (mut connection, mut times) = (Connection::new(address), Vec::new());
    while !stop.load(Ordering::SeqCst) {
        let started_at = Instant::now();
        let response = connection.send(&login_request()).map_err(std::io::Error::from);
        let response = response.context("a login gets no response")?;
        ensure!(response.status == 200, "a login gets {}", response.status);
        times.push(started_at.elapsed());
        sleep(Duration::from_millis(2));
    }
    Ok(times)
}

fn both(samples: &mut [Duration]) -> String {
    format!("{}, {}", format_millis(median(samples)), format_millis(percentile_99(samples)))
}
