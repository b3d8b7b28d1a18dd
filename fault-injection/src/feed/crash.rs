//! Scenario `feed-crash`: kills the issuer while it revokes under load; no acknowledged revocation is lost by any verifier.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::feed::hammer::{Target, Targets};
use crate::feed::issuer::{Issuer, Login, login_request};
use crate::feed::proxy::Proxy;
use crate::feed::verifier::Method;
use crate::feed::verifier_process::{VerifierProcess, VerifierProgram};
use crate::http::{Connection, Request};
use crate::load::run_low_priority;
use crate::program::Program;
use crate::report::{Progress, Report, format_millis};
use crate::rng::Rng;

/// A short lease, so that a verifier that misses the issuer refuses soon.
const LEASE: Duration = Duration::from_secs(1);

const VERIFIERS: usize = 3;

/// The clients that revoke. The first one waits for the fleet.
const REVOKING_CLIENTS: usize = 4;

/// The clients that log in meanwhile.
const LOGIN_CLIENTS: usize = 2;

/// How long the verifiers may take until they are fresh after a start of the issuer.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The resolution of the clock by which a verifier counts its lease, twice.
const TOLERANCE: Duration = Duration::from_millis(2);

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The number of acknowledged revocations.
    pub revocations: usize,
    /// The number of sessions that are revoked before each kill, at most.
    pub per_kill: usize,
}

impl Size {
    /// 1,000 revocations.
    pub const FULL: Self = Self { revocations: 1_000, per_kill: 200 };
    /// Short enough for a test.
    pub const SHORT: Self = Self { revocations: 60, per_kill: 60 };
}

/// Kills the issuer under load until so many revocations were acknowledged. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(
    program: &Program,
    verifiers: &VerifierProgram,
    dir: &Path,
    size: Size,
    seed: u64,
    progress: Progress<'_>,
) -> Result<Report> {
    let mut issuer = Issuer::start(program, dir, LEASE)?;
    let valid = issuer.log_in(1)?.remove(0);
    let proxy = Proxy::start(issuer.address()?)?;
    let config = issuer.verifier_config(proxy.address, &valid, Method::Feed);
    let processes = verifiers.start_all(VERIFIERS, &config, &valid.token)?;
    let addresses: Vec<SocketAddr> = processes.iter().map(|process| process.address).collect();
    let targets = Arc::<Targets>::default();
    let mut result = thread::scope(|scope| {
        let hammering = scope.spawn(|| run_low_priority(targets.hammer(&addresses, &Arc::default())));
        let mut test = CrashTest {
            issuer: &mut issuer,
            proxy: &proxy,
            processes: &processes,
            valid: &valid,
            targets: &targets,
        };
        let result = test.run(size, seed, progress);
        targets.stop();
        hammering.join().expect("clients do not panic")?;
        result
    })?;
    // One that starts now knows everything from its snapshot.
    let restarted = verifiers.start_all(1, &config, &valid.token)?;
    result.check_all(processes.iter().chain(&restarted))?;
    Ok(result.report(&targets))
}

struct CrashTest<'a, 'p> {
    issuer: &'a mut Issuer<'p>,
    proxy: &'a Proxy,
    processes: &'a [VerifierProcess],
    valid: &'a Login,
    targets: &'a Targets,
}

/// An acknowledged revocation.
type Acknowledged = Arc<Target>;

#[derive(Default)]
struct CrashResult {
    kills: usize,
    acknowledged: Vec<Acknowledged>,
    for_the_fleet: usize,
    longest_start: Duration,
    violations: Vec<String>,
}

impl CrashTest<'_, '_> {
    fn run(&mut self, size: Size, seed: u64, progress: Progress<'_>) -> Result<CrashResult> {
        let (mut result, mut rng) = (CrashResult::default(), Rng::from_seed(seed));
        while result.acknowledged.len() < size.revocations {
            ensure!(result.kills < size.revocations, "almost nothing was acknowledged");
            let logins = self.issuer.log_in(size.per_kill)?;
            for process in self.processes {
                process.wait_until_accepted(&self.valid.token, RECOVERY_TIMEOUT)?;
            }
            if result.kills % 3 == 2 {
                // Otherwise no wait for the fleet ends before the kill: it lasts until the leases of the former process end.
                sleep(LEASE * 5 / 4);
            }
            let delay = rng.duration_between(Duration::from_millis(20), Duration::from_millis(150));
            let (acknowledged, for_the_fleet) = self.kill_while_revoking(&logins, delay)?;
            let started_at = Instant::now();
            self.issuer.restart()?;
            result.longest_start = result.longest_start.max(started_at.elapsed());
            self.proxy.set_upstream(self.issuer.address()?);
            result.violations.extend(self.check_issuer(&acknowledged)?);
            result.kills += 1;
            result.acknowledged.extend(acknowledged);
            result.for_the_fleet += for_the_fleet;
            progress();
        }
        // Until then a verifier may accept, by a lease of before the last kill, what was revoked without a wait.
        sleep(LEASE + TOLERANCE);
        for process in self.processes {
            process.wait_until_accepted(&self.valid.token, RECOVERY_TIMEOUT)?;
        }
        Ok(result)
    }

    /// Revokes all sessions with several clients, and kills the issuer after `delay`. Returns what was acknowledged, and how
    /// many of them for the whole fleet.
    fn kill_while_revoking(
        &mut self,
        logins: &[Login],
        delay: Duration,
    ) -> Result<(Vec<Acknowledged>, usize)> {
        let (address, acknowledged) = (self.issuer.address()?, Mutex::new((Vec::new(), 0)));
        let stop = AtomicBool::new(false);
        let share = logins.len().div_ceil(REVOKING_CLIENTS);
        let fleet_request = |login: &Login| self.issuer.revocation(&login.subject(), "fleet");
        let mut requests: Vec<Vec<(&Login, Request, bool)>> = Vec::new();
        for (number, part) in logins.chunks(share).enumerate() {
            let waits = number == 0;
            let request = |login| if waits { fleet_request(login) } else { Login::logout(login) };
            requests.push(part.iter().map(|login| (login, request(login), waits)).collect());
        }
        thread::scope(|scope| {
            for part in &requests {
                let (targets, acknowledged) = (self.targets, &acknowledged);
                scope.spawn(move || revoke_until_killed(address, part, targets, acknowledged));
            }
            for _ in 0..LOGIN_CLIENTS {
                scope.spawn(|| log_in_until(address, &stop));
            }
            sleep(delay);
            let killed = self.issuer.kill();
            stop.store(true, Ordering::SeqCst);
            killed
        })?;
        Ok(acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The issuer itself refuses what it acknowledged, from its start on.
    fn check_issuer(&self, acknowledged: &[Acknowledged]) -> Result<Vec<String>> {
        let (mut connection, mut violations) = (Connection::new(self.issuer.address()?), Vec::new());
        for target in acknowledged {
            let request = Request::get("/v1/me").bearer(&target.token);
            let response = connection.send(&request).map_err(std::io::Error::from)?;
            if response.status != 401 {
                violations.push(format!("after the crash a revoked token gets {}", response.status));
            }
        }
        Ok(violations)
    }
}

/// Sends the requests until the server is gone.
fn revoke_until_killed(
    address: SocketAddr,
    requests: &[(&Login, Request, bool)],
    targets: &Targets,
    acknowledged: &Mutex<(Vec<Acknowledged>, usize)>,
) {
    let mut connection = Connection::new(address);
    for (login, request, waits) in requests {
        let target = targets.add(&login.token);
        let Ok(response) = connection.send(request) else { return };
        let now = Instant::now();
        if !response.is_success() {
            continue;
        }
        // Without a wait a verifier that is cut off by the crash may accept until its lease is over.
        target.dies_at(if *waits { now } else { now + LEASE + TOLERANCE });
        let mut acknowledged = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        acknowledged.0.push(target);
        acknowledged.1 += usize::from(*waits);
    }
}

fn log_in_until(address: SocketAddr, stop: &AtomicBool) {
    let mut connection = Connection::new(address);
    while !stop.load(Ordering::SeqCst) && connection.send(&login_request()).is_ok() {}
}

impl CrashResult {
    /// Presents every acknowledged token to every verifier.
    fn check_all<'v>(&mut self, processes: impl Iterator<Item = &'v VerifierProcess>) -> Result<()> {
        for process in processes {
            for target in &self.acknowledged {
                let status = process.status(&target.token)?;
                if status != 401 {
                    self.violations.push(format!("at the end a verifier gives {status} to a revoked token"));
                }
            }
        }
        Ok(())
    }

    fn report(mut self, targets: &Targets) -> Report {
        let mut report = Report::new("feed-crash");
        report.add_measurement("kills during revocations", self.kills);
        let acknowledged = self.acknowledged.len();
        report.add_criterion("acknowledged revocations", "> 0", acknowledged, acknowledged > 0);
        report.add_measurement("of them with a wait for the fleet", self.for_the_fleet);
        report.add_measurement("slowest start", format_millis(self.longest_start));
        report.add_measurement("tokens presented by hammering clients", targets.presented());
        self.violations.extend(targets.late());
        report.add_violations("acceptances of what was acknowledged as revoked", self.violations);
        report
    }
}
