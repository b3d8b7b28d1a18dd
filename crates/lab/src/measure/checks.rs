//! The figures of checks: the same handler bare and behind the layer, with the same requests, in interleaved rounds.

use std::time::{Duration, Instant};

use crate::error::LabError;
use crate::load::closed_loop::send_requests;
use crate::load::requests::RequestCycle;
use crate::machine::cpu_time::{Ticks, of_other_threads};
use crate::measure::figure_id::FigureId;
use crate::measure::rounds::{Round, Row, Sample, is_no_difference, ratios};
use crate::measure::{Session, latency};
use crate::report::model::{Better, Cell, Column, Figure, Unit};
use crate::rig::credentials::log_in;
use crate::rig::mode::{Login, Mode};
use crate::rig::server::{BARE, MeasuredServer, PROTECTED};
use crate::statistics::interval::{Interval, median};
use crate::statistics::rng::Rng;

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

/// The credentials of many logins, in an order that the seed draws.
pub(crate) struct Seeded {
    logins: [Vec<Login>; 3],
}

impl Seeded {
    /// The refresh tokens of the hybrid logins.
    pub(crate) fn refresh_tokens(&self) -> Vec<String> {
        self.logins[2].iter().map(|login| login.refresh_token.clone()).collect()
    }

    fn of(&self, mode: Mode) -> &[Login] {
        &self.logins[mode as usize]
    }

    /// The requests of a row, for some of the logins.
    fn requests(
        &self,
        server: &MeasuredServer,
        row: Row,
        range: impl std::slice::SliceIndex<[Login], Output = [Login]>,
    ) -> RequestCycle {
        let (mode, path) = match row {
            Row::Bare(mode) => (mode, BARE),
            Row::BareAgain => (Mode::Session, BARE),
            Row::Check(mode) => (mode, PROTECTED),
        };
        let logins = self.of(mode).get(range).unwrap_or_default();
        RequestCycle::endless(logins.iter().map(|login| login.get(server.address, path)).collect())
    }
}

/// Logs in many times in each mode.
pub(crate) fn seed(session: &Session<'_>, server: &MeasuredServer) -> Result<Seeded, LabError> {
    let mut rng = Rng::from_seed(session.plan.seed);
    let mut log_in = |mode, label| {
        let mut logins = log_in(server.address, mode, session.plan.credentials, &session.steps(label))?;
        rng.shuffle(&mut logins);
        Ok::<_, LabError>(logins)
    };
    let logins = [
        log_in(Mode::Session, "logins: session")?,
        log_in(Mode::Jwt, "logins: jwt")?,
        log_in(Mode::Hybrid, "logins: hybrid")?,
    ];
    Ok(Seeded { logins })
}

/// Measures the first sight, then the rounds, then the response times.
pub(crate) fn measure(
    session: &Session<'_>,
    server: &MeasuredServer,
    seeded: &mut Seeded,
) -> Result<Checks, LabError> {
    let plan = session.plan;
    let first_sight = measure_first_sight(session, server, seeded)?;
    let mut checks = Checks::default();
    if plan.wants(FigureId::CheckFirstSight) {
        let note = "processor time for a credential that the server has not seen, over the bare handler";
        checks
            .figures
            .push(ratio_figure(session, "check.first_sight", &first_sight, |sample| sample.cpu, note).0);
    }
    if !plan.wants_any(&[FigureId::CheckRate, FigureId::CheckCpu, FigureId::CheckLatency]) {
        return Ok(checks);
    }
    let mut rows = Rows::new(server, seeded);
    rows.warm_up(session, server)?;
    let rounds = rows.measure(session, server)?;
    checks.rounds = rounds.len();
    checks.disturbed = rounds.iter().filter(|round| round.is_disturbed(session.is_pinned)).count();
    let bare = rates(&rounds, Row::Bare(Mode::Session));
    let note = format!("checks a second, as a share of the bare handler ({bare:.0} a second)");
    let (figure, aa) = ratio_figure(session, "check.rate", &rounds, |sample| sample.rate, &note);
    checks.aa = aa.as_ref().map(Cell::interval).unwrap_or_default();
    checks.figures.push(Figure { better: Better::Higher, ..figure });
    let note = "processor time of the server for a check, over the bare handler";
    checks.figures.push(ratio_figure(session, "check.cpu", &rounds, |sample| sample.cpu, note).0);
    if plan.wants(FigureId::CheckLatency) {
        let slowest =
            Mode::ALL.map(|mode| rates(&rounds, Row::Check(mode))).into_iter().fold(f64::MAX, f64::min);
        checks.open_loop_rate = slowest / 2.0;
        checks.figures.push(latency::measure(session, server, &mut rows, checks.open_loop_rate)?);
    }
    Ok(checks)
}

/// The median rate of a row.
fn rates(rounds: &[Round], row: Row) -> f64 {
    let rates: Vec<f64> =
        rounds.iter().filter_map(|round| round.sample(row)).map(|sample| sample.rate).collect();
    median(&rates).unwrap_or_default()
}

/// The figure of the ratios of each mode to the bare handler, and the interval of the bare handler beside itself.
fn ratio_figure(
    session: &Session<'_>,
    id: &str,
    rounds: &[Round],
    value: fn(Sample) -> f64,
    note: &str,
) -> (Figure, Option<Interval>) {
    let interval = |row, base| {
        let ratios = ratios(rounds, value, row, base);
        Interval::by_bootstrap(&ratios, session.plan.resamples, session.plan.seed)
    };
    let aa = interval(Row::BareAgain, Row::Bare(Mode::Session));
    let mut figure = Figure::new(id, Unit::Ratio, Better::Lower, note).with(Column::Bare, Cell::number(1.0));
    for mode in Mode::ALL {
        let Some(ratio) = interval(Row::Check(mode), Row::Bare(mode)) else { continue };
        let is_same = aa.as_ref().is_some_and(|aa| is_no_difference(&ratio, aa));
        figure = figure
            .with(mode.column(), Cell { no_difference: is_same.then_some(true), ..Cell::interval(&ratio) });
    }
    (figure, aa)
}

/// Presents each credential for the first time, in portions beside the bare handler. It is the warm-up of the caches, too.
fn measure_first_sight(
    session: &Session<'_>,
    server: &MeasuredServer,
    seeded: &Seeded,
) -> Result<Vec<Round>, LabError> {
    let steps = session.steps("credentials seen first");
    let mut rng = Rng::from_seed(session.plan.seed);
    let mut rounds = Vec::with_capacity(PORTIONS);
    for portion in 0..PORTIONS {
        steps.advance(portion, PORTIONS)?;
        let count = session.plan.credentials;
        let range = count * portion / PORTIONS..count * (portion + 1) / PORTIONS;
        let mut rows = ALL_ROWS;
        rng.shuffle(&mut rows);
        let mut samples = Vec::with_capacity(rows.len());
        for row in rows {
            let mut requests = seeded.requests(server, row, range.clone());
            requests.set_limit(requests.len());
            samples.push((row, sample(session, server, Duration::MAX, &mut requests)?));
        }
        rounds.push(Round { samples, foreign: 0.0 });
    }
    Ok(rounds)
}

/// The rows of a round.
const ALL_ROWS: [Row; 7] = [
    Row::Bare(Mode::Session),
    Row::BareAgain,
    Row::Check(Mode::Session),
    Row::Bare(Mode::Jwt),
    Row::Check(Mode::Jwt),
    Row::Bare(Mode::Hybrid),
    Row::Check(Mode::Hybrid),
];

/// The requests of every row.
pub(crate) struct Rows(Vec<(Row, RequestCycle)>);

impl Rows {
    fn new(server: &MeasuredServer, seeded: &Seeded) -> Self {
        Self(ALL_ROWS.map(|row| (row, seeded.requests(server, row, ..))).into())
    }

    /// The requests of a row.
    pub(crate) fn get_mut(&mut self, row: Row) -> Option<&mut RequestCycle> {
        self.0.iter_mut().find(|(known, _)| *known == row).map(|(_, requests)| requests)
    }

    /// Sends requests whose times are thrown away.
    fn warm_up(&mut self, session: &Session<'_>, server: &MeasuredServer) -> Result<(), LabError> {
        session.steps("warm-up").advance(0, 1)?;
        let length = session.plan.warm_up / self.0.len() as u32;
        for (_, requests) in &mut self.0 {
            send_requests(server.address, session.plan.connections, length, requests)?;
        }
        Ok(())
    }

    fn measure(&mut self, session: &Session<'_>, server: &MeasuredServer) -> Result<Vec<Round>, LabError> {
        let steps = session.steps("rounds");
        let mut rng = Rng::from_seed(session.plan.seed);
        let mut rounds = Vec::with_capacity(session.plan.rounds);
        for number in 0..session.plan.rounds {
            rng.shuffle(&mut self.0);
            let (ticks, started) = (Ticks::now(), Instant::now());
            let mut samples = Vec::with_capacity(self.0.len());
            for (index, (row, requests)) in self.0.iter_mut().enumerate() {
                steps.advance(number * ALL_ROWS.len() + index, session.plan.rounds * ALL_ROWS.len())?;
                samples.push((*row, sample(session, server, session.plan.row, requests)?));
            }
            let foreign = Ticks::now().foreign_share(ticks, started.elapsed());
            rounds.push(Round { samples, foreign });
        }
        Ok(rounds)
    }
}

fn sample(
    session: &Session<'_>,
    server: &MeasuredServer,
    length: Duration,
    requests: &mut RequestCycle,
) -> Result<Sample, LabError> {
    let before = of_other_threads()?;
    let result = send_requests(server.address, session.plan.connections, length, requests)?;
    Ok(Sample::new(&result, of_other_threads()?.saturating_sub(before)))
}
