//! A run: measures the figures of a plan, and makes the report.

mod checks;
mod crossing;
pub(crate) mod figure_id;
mod issuer_down;
mod kept;
mod latency;
mod logins;
mod logout;
pub(crate) mod plan;
pub(crate) mod progress;
mod refreshes;
mod restart;
mod rounds;
mod stolen;
mod store;
mod wire;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use crate::error::LabError;
use crate::machine::affinity;
use crate::machine::description::describe;
use crate::measure::checks::Checks;
use crate::measure::figure_id::FigureId;
use crate::measure::plan::Plan;
use crate::measure::progress::{Progress, Steps};
use crate::report::guide_table;
use crate::report::model::{Figure, IntervalKind, Machine, Method, Report, SchemaId, Tool};
use crate::rig::mode::Mode;
use crate::rig::server::{Hashing, MeasuredServer, ServerOptions};

/// Measures the figures of `plan` on this machine. It takes as long as the plan says, and writes only below the directory for
/// temporary files.
///
/// # Errors
///
/// If a server cannot be started, a response is not what a figure expects, or `progress` ends the run.
pub fn run(plan: &Plan, progress: &(dyn Progress + Sync)) -> Result<Report, LabError> {
    // A thread of its own, because it is pinned to a core.
    thread::scope(|scope| {
        let measured = thread::Builder::new().name("lab-client".to_owned());
        let measured = measured.spawn_scoped(scope, || run_on_this_thread(plan, progress));
        let measured = measured.map_err(LabError::start("the measurement"))?;
        measured.join().unwrap_or(Err(LabError::Timeout("the end of the measurement")))
    })
}

fn run_on_this_thread(plan: &Plan, progress: &(dyn Progress + Sync)) -> Result<Report, LabError> {
    let started = Instant::now();
    let is_pinned = affinity::has_both_cores();
    let machine = describe(is_pinned);
    let session = Session { plan, progress, is_pinned };
    let (figures, checks) = thread::scope(|scope| {
        // What mostly waits runs while the credentials are made, before anything is timed by rounds.
        let waiting = scope.spawn(|| session.measure_waits());
        session.measure_rates(|| waiting.join().unwrap_or(Err(LabError::Timeout("the end of a service"))))
    })?;
    Ok(report(plan, machine, started.elapsed(), figures, checks))
}

/// What all measurements of a run share.
#[derive(Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) progress: &'a (dyn Progress + Sync),
    pub(crate) is_pinned: bool,
}

impl<'a> Session<'a> {
    /// A part of the run, whose progress is reported.
    pub(crate) fn steps(&self, label: &'static str) -> Steps<'a> {
        Steps::new(self.progress, label)
    }

    /// A directory for a store.
    pub(crate) fn directory(&self) -> Result<TempDir, LabError> {
        let dir = tempfile::Builder::new().prefix("counterfoil-lab-").tempdir();
        dir.map_err(LabError::io("create a temporary directory"))
    }

    /// Starts a server in `dir`.
    pub(crate) fn server(&self, dir: &TempDir, hashing: Hashing) -> Result<MeasuredServer, LabError> {
        let dir = dir.path().to_owned();
        MeasuredServer::start(ServerOptions { dir, hashing, is_pinned: self.is_pinned })
    }

    /// The figures that take their time from leases and processes, not from the load.
    fn measure_waits(&self) -> Result<Vec<Figure>, LabError> {
        let mut figures = Vec::new();
        if self.plan.wants(FigureId::Restart) {
            figures.extend(restart::measure(self)?);
        }
        if self.plan.wants_any(&[FigureId::LogoutCut, FigureId::LogoutKeysOnly, FigureId::DownIssuer]) {
            figures.extend(issuer_down::measure(self)?);
        }
        Ok(figures)
    }

    fn measure_rates(
        &self,
        waited: impl FnOnce() -> Result<Vec<Figure>, LabError>,
    ) -> Result<(Vec<Figure>, Option<Checks>), LabError> {
        let dir = self.directory()?;
        let server = self.server(&dir, Hashing::Cheap)?;
        if self.is_pinned {
            affinity::pin_to(affinity::CLIENT_CORE).map_err(LabError::start("the measurement"))?;
        }
        let seeded = if self.plan.needs_credentials() { Some(checks::seed(self, &server)?) } else { None };
        let mut figures = waited()?;
        let mut checks = None;
        if let Some(mut seeded) = seeded {
            let measured = checks::measure(self, &server, &mut seeded)?;
            figures.extend(measured.figures.clone());
            if self.plan.wants(FigureId::RefreshRate) {
                figures.push(refreshes::measure(self, &server, seeded.refresh_tokens())?);
            }
            checks = Some(measured);
        }
        figures.extend(wire::measure(self, &server)?);
        figures.extend(store::measure(self, &server)?);
        figures.extend(logout::measure(self, &server)?);
        figures.extend(crossing::measure(self, &server)?);
        figures.extend(stolen::measure(self, &server)?);
        server.stop()?;
        if self.plan.wants(FigureId::LoginLatency) {
            figures.push(logins::measure(self)?);
        }
        if self.plan.wants(FigureId::KeptDisk) {
            figures.push(kept::measure(self)?);
        }
        figures.retain(|figure| self.plan.wants_named(&figure.id));
        figures.sort_by_key(|figure| FigureId::position(&figure.id));
        Ok((figures, checks))
    }
}

/// The modes of a figure that has no value for sessions.
pub(crate) const TOKEN_MODES: [Mode; 2] = [Mode::Jwt, Mode::Hybrid];

fn report(
    plan: &Plan,
    machine: Machine,
    elapsed: Duration,
    figures: Vec<Figure>,
    checks: Option<Checks>,
) -> Report {
    let checks = checks.unwrap_or_default();
    let made_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let method = Method {
        seed: plan.seed,
        rounds: checks.rounds as u64,
        rounds_disturbed: checks.disturbed as u64,
        row_seconds: plan.row.as_secs_f64(),
        connections: plan.connections as u64,
        credentials: plan.credentials as u64,
        open_loop_rate: checks.open_loop_rate.round(),
        interval: IntervalKind::Bootstrap95,
        resamples: plan.resamples as u64,
        algorithm: "ES256".to_owned(),
        store: "SQLite, synchronous=FULL".to_owned(),
        aa: checks.aa,
        too_busy: checks.disturbed * 3 > checks.rounds,
    };
    let tool = Tool {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: None,
        profile: plan.profile,
        build: env!("COUNTERFOIL_LAB_BUILD").to_owned(),
    };
    let ids: BTreeSet<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    let table = guide_table::answer(&figures, &ids);
    let (made_at, seconds) = (made_at.as_secs() as i64, (elapsed.as_secs_f64() * 10.0).round() / 10.0);
    Report { schema: SchemaId::V1, made_at, seconds, tool, machine, method, figures, table }
}
