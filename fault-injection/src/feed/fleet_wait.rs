//! Scenario `fleet-wait`: revocations that wait for 100 verifiers; after the answer no verifier accepts the token (I1).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::feed::follower::{Follower, Verdict, View, fetch_token_verifier};
use crate::feed::hammer::Targets;
use crate::feed::issuer::{Issuer, Login};
use crate::feed::verifier::{Method, VerifierConfig};
use crate::feed::verifier_process::VerifierProgram;
use crate::http::Connection;
use crate::load::run_low_priority;
use crate::program::Program;
use crate::report::{Progress, Report, format_millis, median, percentile_99};

/// The lease: the default.
const LEASE: Duration = Duration::from_secs(3);

/// How many of the verifiers are processes of their own, which clients hammer over HTTP.
const PROCESSES: usize = 3;

/// How long the verifiers may take until all are fresh.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of verifiers.
    pub verifiers: usize,
    /// The number of revocations.
    pub revocations: usize,
    /// The goal for the 99th percentile.
    pub p99: Duration,
}

impl Size {
    /// 100 verifiers.
    pub const FULL: Self = Self { verifiers: 100, revocations: 500, p99: Duration::from_millis(60) };
    /// Short enough for a test, with a limit for a busy machine and a program that is not optimised.
    pub const SHORT: Self = Self { verifiers: 30, revocations: 15, p99: Duration::from_secs(2) };
}

/// The number of steps of the progress bar.
pub const STEPS: usize = 2;

/// Revokes sessions one after the other, each with a wait for the fleet. Works in `dir`.
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
    let logins = issuer.log_in(size.revocations + 1)?;
    let config = issuer.verifier_config(issuer.address()?, &logins[0], Method::Feed);
    let processes = verifiers.start_all(PROCESSES, &config, &logins[0].token)?;
    let addresses: Vec<_> = processes.iter().map(|process| process.address).collect();
    let tokens = fetch_token_verifier(config.issuer, &config.audience)?;
    let count = size.verifiers - PROCESSES;
    let views: Arc<Vec<_>> = Arc::new((0..count).map(|_| Arc::new(View::new(Arc::clone(&tokens)))).collect());
    let (targets, stop) = (Arc::<Targets>::default(), AtomicBool::new(false));
    let waits = thread::scope(|scope| {
        let following = scope.spawn(|| run_low_priority(follow(&config, &views, &stop)));
        let hammering = scope.spawn(|| run_low_priority(targets.hammer(&addresses, &views)));
        let waits = wait_until_fresh(&views).and_then(|()| {
            progress();
            revoke_each(&issuer, &logins[1..], &targets, &views)
        });
        stop.store(true, Ordering::SeqCst);
        targets.stop();
        following.join().expect("followers do not panic")?;
        hammering.join().expect("clients do not panic")?;
        waits
    })?;
    progress();
    Ok(report(size, waits, &targets))
}

/// Follows the feed with all views in this thread until `stop`.
async fn follow(config: &VerifierConfig, views: &[Arc<View>], stop: &AtomicBool) {
    let mut followers = JoinSet::new();
    for (number, view) in views.iter().enumerate() {
        let instance = format!("view-{number}");
        followers.spawn(Follower::new(config.issuer, &config.key, &instance, Arc::clone(view)).run());
    }
    while !stop.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn wait_until_fresh(views: &[Arc<View>]) -> Result<()> {
    let started_at = Instant::now();
    while !views.iter().all(|view| view.is_fresh()) {
        ensure!(started_at.elapsed() < START_TIMEOUT, "not all verifiers are fresh after {START_TIMEOUT:?}");
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The waits and what was wrong with them.
#[derive(Default)]
struct Waits {
    times: Vec<Duration>,
    /// The sum of the verifiers whose lease ran out during a wait.
    expired: usize,
    fewest_confirmed: usize,
    violations: Vec<String>,
}

fn revoke_each(
    issuer: &Issuer<'_>,
    logins: &[Login],
    targets: &Targets,
    views: &[Arc<View>],
) -> Result<Waits> {
    let mut waits = Waits { fewest_confirmed: usize::MAX, ..Waits::default() };
    let mut connection = Connection::new(issuer.address()?);
    for login in logins {
        let target = targets.add(&login.token);
        // The clients find it valid first.
        sleep(Duration::from_millis(5));
        let started_at = Instant::now();
        let request = issuer.revocation(&login.subject(), "fleet");
        let response = connection.send(&request).map_err(std::io::Error::from)?;
        let answered_at = Instant::now();
        target.dies_at(answered_at);
        ensure!(response.is_success(), "the revocation gets {}: {}", response.status, response.json());
        waits.times.push(answered_at - started_at);
        let late = views.iter().filter(|view| view.verify(&login.token) == Verdict::Accepted).count();
        if late > 0 {
            waits.violations.push(format!("{late} verifiers accept a token after the answer"));
        }
        let number =
            |name: &str| response.json()[name].as_u64().and_then(|count| usize::try_from(count).ok());
        waits.expired += number("expired").unwrap_or_default();
        waits.fewest_confirmed = waits.fewest_confirmed.min(number("confirmed").unwrap_or_default());
    }
    Ok(waits)
}

fn report(size: Size, mut waits: Waits, targets: &Targets) -> Report {
    let mut report = Report::new("fleet-wait");
    report.add_measurement("verifiers, revocations", format!("{}, {}", size.verifiers, size.revocations));
    report.add_measurement("wait: p50", format_millis(median(&mut waits.times)));
    let p99 = percentile_99(&mut waits.times);
    let goal = format!("< {} ms", size.p99.as_millis());
    report.add_criterion("wait: p99", &goal, format_millis(p99), p99 < size.p99);
    let confirmed = waits.fewest_confirmed;
    report.add_criterion(
        "verifiers that confirmed, the fewest",
        &size.verifiers.to_string(),
        confirmed,
        confirmed == size.verifiers,
    );
    report.add_criterion("leases that ran out during a wait", "0", waits.expired, waits.expired == 0);
    report.add_measurement("tokens presented by hammering clients", targets.presented());
    waits.violations.extend(targets.late());
    report.add_violations("acceptances after the answer", waits.violations);
    report
}
