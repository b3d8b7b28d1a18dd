//! The figures of checks: the same handler bare and behind the layer, with the same requests, in interleaved rounds.

use std::time::Duration;

use counterfoil_load::rig::server::MeasuredServer;
use counterfoil_load::statistics::interval::{Interval, median};
use counterfoil_load::statistics::rng::Rng;

use crate::error::LabError;
use crate::measure::figure_id::FigureId;
use crate::measure::latency;
use crate::measure::rounds::{Round, Row, Sample, is_no_difference, ratios};
use crate::measure::row_loads::{ALL_ROWS, Rows, Seeded, Target, sample};
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::cell_text::quantity;
use crate::report::model::{Better, Column, Figure, Unit};
use crate::rig::express::{ExpressApplication, SecretForm};
use crate::rig::mode::Mode;

/// The number of portions in which credentials are presented for the first time, each a round of its own.
const PORTIONS: usize = 10;

/// The figures, and what the report says of the rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checks {
    pub(crate) figures: Vec<Figure>,
    pub(crate) rounds: usize,
    pub(crate) disturbed: usize,
    pub(crate) open_loop_rate: f64,
    pub(crate) aa: Cell,
}

/// Measures the first sight, then the rounds, then the response times.
pub(crate) fn measure(
    context: &RunContext<'_>,
    server: &MeasuredServer,
    seeded: &Seeded,
) -> Result<Checks, LabError> {
    let plan = context.plan;
    let first_sight = measure_first_sight(context, server, seeded)?;
    let mut checks = Checks::default();
    if plan.wants(FigureId::CheckFirstSight) {
        let note = "processor time for a credential that the server has not seen, over the bare handler";
        checks
            .figures
            .push(ratio_figure(context, "check.first_sight", &first_sight, |sample| sample.cpu, note).0);
    }
    if !plan.wants_any(&[FigureId::CheckRate, FigureId::CheckCpu, FigureId::CheckLatency]) {
        return Ok(checks);
    }
    let express = start_express(context)?;
    let mut rows = Rows::new(server, seeded, &express);
    rows.warm_up(context)?;
    let rounds = rows.measure(context)?;
    checks.rounds = rounds.len();
    checks.disturbed = rounds.iter().filter(|round| round.is_disturbed(context.is_pinned)).count();
    let bare = rates(&rounds, Row::Bare(Mode::Session));
    let note = format!("checks a second, as a share of the bare handler ({bare:.0} a second)");
    let (figure, aa) = ratio_figure(context, "check.rate", &rounds, |sample| sample.rate, &note);
    checks.aa = aa.as_ref().map(Cell::interval).unwrap_or_default();
    checks.figures.push(Figure { better: Better::Higher, ..figure });
    let note = "processor time of the server for a check, over the bare handler";
    checks.figures.push(ratio_figure(context, "check.cpu", &rounds, |sample| sample.cpu, note).0);
    if plan.wants(FigureId::CheckLatency) {
        let slowest =
            Mode::ALL.map(|mode| rates(&rounds, Row::Check(mode))).into_iter().fold(f64::MAX, f64::min);
        checks.open_loop_rate = slowest / 2.0;
        checks.figures.push(latency::measure(context, server, &mut rows, checks.open_loop_rate)?);
    }
    Ok(checks)
}

/// Starts the Express application in its two forms, if the plan has it.
fn start_express(context: &RunContext<'_>) -> Result<Vec<(SecretForm, ExpressApplication)>, LabError> {
    let Some(packages) = &context.plan.express else { return Ok(Vec::new()) };
    context.steps("Express").advance(0, 1)?;
    let start = |form| Ok((form, ExpressApplication::start(packages, form, context.is_pinned)?));
    [SecretForm::Text, SecretForm::Object].into_iter().map(start).collect()
}

/// The median rate of a row.
fn rates(rounds: &[Round], row: Row) -> f64 {
    let rates: Vec<f64> =
        rounds.iter().filter_map(|round| round.sample(row)).map(|sample| sample.rate).collect();
    median(&rates).unwrap_or_default()
}

/// The figure of the ratios of each mode to the bare handler, and the interval of the bare handler beside itself.
fn ratio_figure(
    context: &RunContext<'_>,
    id: &str,
    rounds: &[Round],
    value: fn(Sample) -> f64,
    note: &str,
) -> (Figure, Option<Interval>) {
    let interval = |row, base| {
        let ratios = ratios(rounds, value, row, base);
        Interval::by_bootstrap(&ratios, context.plan.resamples, context.plan.seed)
    };
    let aa = interval(Row::BareAgain, Row::Bare(Mode::Session));
    let mut figure = Figure::new(id, Unit::Ratio, Better::Lower, note).with(Column::Bare, Cell::number(1.0));
    for mode in Mode::ALL {
        let Some(ratio) = interval(Row::Check(mode), Row::Bare(mode)) else { continue };
        let is_same = aa.as_ref().is_some_and(|aa| is_no_difference(&ratio, aa));
        figure = figure
            .with(mode.column(), Cell { no_difference: is_same.then_some(true), ..Cell::interval(&ratio) });
    }
    if let Some(text) = interval(Row::Express(SecretForm::Text), Row::Bare(Mode::Jwt)) {
        figure = figure.with(Column::Guide, Cell::interval(&text));
        if let Some(object) = interval(Row::Express(SecretForm::Object), Row::Bare(Mode::Jwt)) {
            let ratio = quantity(Unit::Ratio, object.median);
            figure.note += &format!("; Express: its secret as text, and as a key object {ratio}");
        }
    }
    (figure, aa)
}

/// Presents each credential for the first time, in portions beside the bare handler. It is the warm-up of the caches, too.
fn measure_first_sight(
    context: &RunContext<'_>,
    server: &MeasuredServer,
    seeded: &Seeded,
) -> Result<Vec<Round>, LabError> {
    let steps = context.steps("credentials seen first");
    let target = Target::of_server(server);
    let mut rng = Rng::from_seed(context.plan.seed);
    let mut rounds = Vec::with_capacity(PORTIONS);
    for portion in 0..PORTIONS {
        steps.advance(portion, PORTIONS)?;
        let count = context.plan.credentials;
        let range = count * portion / PORTIONS..count * (portion + 1) / PORTIONS;
        let mut rows = ALL_ROWS;
        rng.shuffle(&mut rows);
        let mut samples = Vec::with_capacity(rows.len());
        for row in rows {
            let mut requests = seeded.requests(server, row, range.clone());
            requests.set_limit(requests.len());
            samples.push((row, sample(context, target, Duration::MAX, &mut requests)?));
        }
        rounds.push(Round { samples, foreign: 0.0 });
    }
    Ok(rounds)
}
