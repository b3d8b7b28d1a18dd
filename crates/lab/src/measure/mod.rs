//! A run: measures the figures of a plan, and makes the report.

mod checks;
mod crossing;
mod down_store;
pub(crate) mod figure_id;
mod issuer_down;
mod kept;
mod kept_memory;
mod latency;
mod logins;
mod logout;
mod machine;
mod operation;
pub(crate) mod plan;
mod refreshes;
mod restart;
mod rounds;
mod row_loads;
mod run_context;
mod stolen;
mod store;
mod wire;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use counterfoil_load::machine::affinity;
use counterfoil_load::rig::server::Hashing;

use crate::error::LabError;
use crate::measure::checks::Checks;
use crate::measure::figure_id::FigureId;
use crate::measure::machine::describe;
use crate::measure::plan::Plan;
use crate::measure::run_context::RunContext;
use crate::progress::Progress;
use crate::report::guide_table;
use crate::report::model::{Figure, IntervalKind, Machine, Method, Report, SchemaId, Tool};

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
        measured.join().unwrap_or(Err(LabError::timeout("the end of the measurement")))
    })
}

fn run_on_this_thread(plan: &Plan, progress: &(dyn Progress + Sync)) -> Result<Report, LabError> {
    let started = Instant::now();
    let is_pinned = affinity::has_both_cores();
    let machine = describe(is_pinned);
    let context = RunContext { plan, progress, is_pinned };
    let (figures, checks) = thread::scope(|scope| {
        // What mostly waits runs while the credentials are made, before anything is timed by rounds.
        let waiting = scope.spawn(|| measure_waits(&context));
        let memory = scope.spawn(|| measure_memory(&context));
        measure_rates(&context, || {
            let mut figures = waiting.join().unwrap_or(Err(LabError::timeout("the end of a service")))?;
            figures.extend(memory.join().unwrap_or(Err(LabError::timeout("the memory of a server")))?);
            Ok(figures)
        })
    })?;
    Ok(report(plan, machine, started.elapsed(), figures, checks))
}

/// The figures that take their time from leases and processes, not from the load.
fn measure_waits(context: &RunContext<'_>) -> Result<Vec<Figure>, LabError> {
    let mut figures = Vec::new();
    if context.plan.wants(FigureId::Restart) {
        figures.extend(restart::measure(context)?);
    }
    if context.plan.wants_any(&[FigureId::LogoutCut, FigureId::LogoutKeysOnly, FigureId::DownIssuer]) {
        figures.extend(issuer_down::measure(context)?);
    }
    if context.plan.wants(FigureId::DownStore) {
        figures.extend(down_store::measure(context)?);
    }
    Ok(figures)
}

/// The memory of processes of their own, which mostly wait, too.
fn measure_memory(context: &RunContext<'_>) -> Result<Option<Figure>, LabError> {
    if context.plan.wants(FigureId::KeptMemory) { kept_memory::measure(context) } else { Ok(None) }
}

fn measure_rates(
    context: &RunContext<'_>,
    waited: impl FnOnce() -> Result<Vec<Figure>, LabError>,
) -> Result<(Vec<Figure>, Option<Checks>), LabError> {
    let dir = context.directory()?;
    let server = context.server(&dir, Hashing::Cheap)?;
    if context.is_pinned {
        affinity::pin_to(affinity::CLIENT_CORE).map_err(LabError::start("the measurement"))?;
    }
    let seeded =
        if context.plan.needs_credentials() { Some(row_loads::seed(context, &server)?) } else { None };
    let mut figures = waited()?;
    let mut checks = None;
    if let Some(seeded) = seeded {
        let measured = checks::measure(context, &server, &seeded)?;
        figures.extend(measured.figures.clone());
        if context.plan.wants(FigureId::RefreshRate) {
            figures.push(refreshes::measure(context, &server, seeded.refresh_tokens())?);
        }
        checks = Some(measured);
    }
    figures.extend(wire::measure(context, &server)?);
    figures.extend(store::measure(context, &server)?);
    figures.extend(logout::measure(context, &server)?);
    figures.extend(crossing::measure(context, &server)?);
    figures.extend(stolen::measure(context, &server)?);
    server.stop()?;
    if context.plan.wants(FigureId::LoginLatency) {
        figures.push(logins::measure(context)?);
    }
    if context.plan.wants(FigureId::KeptDisk) {
        figures.push(kept::measure(context)?);
    }
    figures.retain(|figure| context.plan.wants_named(&figure.id));
    figures.sort_by_key(|figure| FigureId::position(&figure.id));
    Ok((figures, checks))
}

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
