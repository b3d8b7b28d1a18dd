//! Scenario `cut-off`: verifiers whose network is cut refuse everything within their lease, and heal with all they missed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::feed::issuer::{Issuer, Login};
use crate::feed::proxy::{Network, Proxy};
use crate::feed::verifier::Method;
use crate::feed::verifier_process::{VerifierProcess, VerifierProgram};
use crate::http::{Connection, Request, send};
use crate::program::Program;
use crate::report::{Progress, Report, format_millis};

/// The time between two requests of a client.
const INTERVAL: Duration = Duration::from_millis(2);

/// How long a verifier may take to accept again after the cut.
const MAX_HEALING: Duration = Duration::from_secs(2);

/// How much later than 5/4 of the lease a wait for the fleet may end.
const MAX_LATENESS: Duration = Duration::from_secs(1);

/// How long a scheduler may delay a response that was decided in time.
const TOLERANCE: Duration = Duration::from_millis(50);

/// The size of the scenario.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How often the network is cut.
    pub cuts: usize,
    /// How many sessions are logged out during each cut.
    pub missed: usize,
    /// The lease.
    pub lease: Duration,
}

impl Size {
    /// Ten cuts with the default lease.
    pub const FULL: Self = Self { cuts: 10, missed: 100, lease: Duration::from_secs(3) };
    /// Short enough for a test.
    pub const SHORT: Self = Self { cuts: 1, missed: 5, lease: Duration::from_millis(1_000) };
}

/// Cuts the networks of four verifiers at the same moment, each in another way. Works in `dir`.
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
    let issuer = Issuer::start(program, dir, size.lease)?;
    let valid = issuer.log_in(1)?.remove(0);
    let fleet = Network::CUTS.iter().map(|cut| Verifier::start(*cut, verifiers, &issuer, &valid));
    let fleet = fleet.collect::<Result<Vec<_>>>()?;
    let mut results = Results::default();
    for _ in 0..size.cuts {
        results.add(cut_once(&issuer, &fleet, &valid, size)?);
        progress();
    }
    Ok(results.report(size))
}

/// A verifier process behind a proxy, and how that is cut.
struct Verifier {
    cut: Network,
    proxy: Proxy,
    process: VerifierProcess,
}

impl Verifier {
    fn start(cut: Network, program: &VerifierProgram, issuer: &Issuer<'_>, valid: &Login) -> Result<Self> {
        let proxy = Proxy::start(issuer.address()?)?;
        let config = issuer.verifier_config(proxy.address, valid, Method::Feed);
        let process = program.start_all(1, &config, &valid.token)?.remove(0);
        Ok(Self { cut, proxy, process })
    }
}

/// What a client saw at one verifier.
struct Observed {
    cut: Network,
    /// When the last request that was accepted during the cut began.
    last_accepted: Option<Instant>,
    /// From the end of the cut to the first acceptance.
    healed_after: Option<Duration>,
    /// Acceptances of sessions that ended during the cut, after it.
    missed_accepted: usize,
}

/// What happened in one cut.
struct Cut {
    at: Instant,
    /// When the revocation that waits for the fleet was sent, and answered.
    wait: (Instant, Instant),
    observed: Vec<Observed>,
}

fn cut_once(issuer: &Issuer<'_>, fleet: &[Verifier], valid: &Login, size: Size) -> Result<Cut> {
    let logins = issuer.log_in(size.missed + 1)?;
    for verifier in fleet {
        verifier.process.wait_until_accepted(&logins[0].token, MAX_HEALING * 2)?;
    }
    let is_cut = AtomicBool::new(true);
    let at = Instant::now();
    fleet.iter().for_each(|verifier| verifier.proxy.set(verifier.cut));
    thread::scope(|scope| {
        let clients: Vec<_> =
            fleet.iter().map(|verifier| scope.spawn(|| observe(verifier, valid, &logins, &is_cut))).collect();
        let wait = revoke_during_cut(issuer, &logins);
        is_cut.store(false, Ordering::SeqCst);
        let observed = clients.into_iter().map(|client| client.join().expect("a client does not panic"));
        let observed = observed.collect::<Result<_>>()?;
        Ok(Cut { at, wait: wait?, observed })
    })
}

/// Logs out all sessions but the first, then revokes that one everywhere. Returns when that was sent and answered.
fn revoke_during_cut(issuer: &Issuer<'_>, logins: &[Login]) -> Result<(Instant, Instant)> {
    let mut connection = Connection::new(issuer.address()?);
    for login in &logins[1..] {
        let response = connection.send(&login.logout()).map_err(std::io::Error::from)?;
        ensure!(response.is_success(), "the logout gets {}", response.status);
    }
    let sent_at = Instant::now();
    let response = send(issuer.address()?, &issuer.revocation(&logins[0].subject(), "fleet"))?;
    let answered_at = Instant::now();
    ensure!(response.is_success(), "the revocation gets {}", response.status);
    // The clients see some time of refusals.
    sleep(Duration::from_millis(200));
    Ok((sent_at, answered_at))
}

/// Presents the valid token and the first revoked one during the cut; then heals it and waits for an acceptance.
fn observe(verifier: &Verifier, valid: &Login, logins: &[Login], is_cut: &AtomicBool) -> Result<Observed> {
    let mut connection = Connection::new(verifier.process.address);
    let mut present = |token: &str| -> Result<u16> {
        let response = connection.send(&Request::get("/").bearer(token)).map_err(std::io::Error::from);
        Ok(response.context("the verifier does not respond")?.status)
    };
    let mut last_accepted = None;
    while is_cut.load(Ordering::SeqCst) {
        for token in [&valid.token, &logins[0].token] {
            let started_at = Instant::now();
            if present(token)? == 200 {
                last_accepted = Some(started_at);
            }
        }
        sleep(INTERVAL);
    }
    verifier.proxy.set(Network::Whole);
    let healed_at = Instant::now();
    let mut healed_after = None;
    while healed_after.is_none() && healed_at.elapsed() < 5 * MAX_HEALING {
        healed_after = (present(&valid.token)? == 200).then(|| healed_at.elapsed());
        sleep(INTERVAL);
    }
    let mut missed_accepted = 0;
    for login in logins {
        missed_accepted += usize::from(present(&login.token)? == 200);
    }
    Ok(Observed { cut: verifier.cut, last_accepted, healed_after, missed_accepted })
}

/// The extremes over all cuts.
#[derive(Default)]
struct Results {
    /// By the kind of cut: the longest acceptance after it, and the longest healing.
    kinds: Vec<(Network, Duration, Duration)>,
    /// The longest and the shortest wait for the fleet.
    waits: Vec<Duration>,
    /// By how much a wait ended after the last acceptance, at least.
    margins: Vec<Duration>,
    violations: Vec<String>,
    missed_accepted: usize,
}

impl Results {
    fn add(&mut self, cut: Cut) {
        let (sent_at, answered_at) = cut.wait;
        self.waits.push(answered_at - sent_at);
        for seen in cut.observed {
            let accepted_for =
                seen.last_accepted.map_or(Duration::ZERO, |last| last.saturating_duration_since(cut.at));
            let healing = seen.healed_after.unwrap_or(Duration::MAX);
            match self.kinds.iter_mut().find(|(kind, ..)| *kind == seen.cut) {
                Some((_, accepted, healed)) => {
                    (*accepted, *healed) = ((*accepted).max(accepted_for), (*healed).max(healing));
                }
                None => self.kinds.push((seen.cut, accepted_for, healing)),
            }
            if let Some(last) = seen.last_accepted {
                if last > answered_at {
                    self.violations
                        .push(format!("{}: accepted after the answer of the wait", seen.cut.name()));
                }
                self.margins.push(answered_at.saturating_duration_since(last));
            }
            self.missed_accepted += seen.missed_accepted;
        }
    }

    fn report(self, size: Size) -> Report {
        let mut report = Report::new("cut-off");
        let lease = format_millis(size.lease);
        report.add_measurement("cuts of each kind, lease", format!("{}, {lease}", size.cuts));
        for (kind, accepted, healing) in &self.kinds {
            let (name, limit) = (kind.name(), size.lease + TOLERANCE);
            let row = format!("{name}: last acceptance after the cut");
            report.add_criterion(&row, &format!("<= {lease}"), format_millis(*accepted), *accepted <= limit);
            let row = format!("{name}: first acceptance after it");
            report.add_criterion(&row, "< 2 s", format_millis(*healing), *healing < MAX_HEALING);
        }
        let limit = size.lease * 5 / 4 + MAX_LATENESS;
        let longest = self.waits.iter().max().copied().unwrap_or_default();
        let goal = format!("<= {}", format_millis(limit));
        report.add_criterion("longest wait for the fleet", &goal, format_millis(longest), longest <= limit);
        let margin = self.margins.iter().min().copied().unwrap_or_default();
        report.add_measurement("a wait ended after the last acceptance by at least", format_millis(margin));
        let missed = self.missed_accepted;
        report.add_criterion("acceptances of what was revoked during a cut", "0", missed, missed == 0);
        report.add_violations("acceptances after the answer of a wait", self.violations);
        report
    }
}
