//! The requests of every row, and how a round sends them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use counterfoil_load::client::closed_loop::send_requests;
use counterfoil_load::client::requests::RequestCycle;
use counterfoil_load::machine::cpu_time::{Ticks, of_other_threads, of_process};
use counterfoil_load::rig::server::{BARE, MeasuredServer, PROTECTED};
use counterfoil_load::statistics::rng::Rng;

use crate::error::LabError;
use crate::measure::rounds::{Round, Row, Sample};
use crate::measure::run_context::RunContext;
use crate::rig::credentials::log_in;
use crate::rig::express::{ExpressApplication, SecretForm};
use crate::rig::mode::{Login, Mode};

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
    pub(crate) fn requests(
        &self,
        server: &MeasuredServer,
        row: Row,
        range: impl std::slice::SliceIndex<[Login], Output = [Login]>,
    ) -> RequestCycle {
        let (mode, path) = match row {
            Row::Bare(mode) => (mode, BARE),
            Row::BareAgain => (Mode::Session, BARE),
            Row::Check(mode) => (mode, PROTECTED),
            // It takes its own tokens.
            Row::Express(_) => return RequestCycle::endless(Vec::new()),
        };
        let logins = self.of(mode).get(range).unwrap_or_default();
        RequestCycle::endless(logins.iter().map(|login| login.get(server.address, path)).collect())
    }
}

/// Logs in many times in each mode.
pub(crate) fn seed(context: &RunContext<'_>, server: &MeasuredServer) -> Result<Seeded, LabError> {
    let mut rng = Rng::from_seed(context.plan.seed);
    let mut log_in = |mode, label| {
        let mut logins = log_in(server.address, mode, context.plan.credentials, &context.steps(label))?;
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

/// The rows of a round.
pub(crate) const ALL_ROWS: [Row; 7] = [
    Row::Bare(Mode::Session),
    Row::BareAgain,
    Row::Check(Mode::Session),
    Row::Bare(Mode::Jwt),
    Row::Check(Mode::Jwt),
    Row::Bare(Mode::Hybrid),
    Row::Check(Mode::Hybrid),
];

/// A row with its requests, and where they are sent.
struct Load {
    row: Row,
    requests: RequestCycle,
    target: Target,
}

/// What answers the requests of a row.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    address: SocketAddr,
    /// The process, if it is not this one.
    process: Option<u32>,
}

impl Target {
    /// The measured server, in this process.
    pub(crate) const fn of_server(server: &MeasuredServer) -> Self {
        Self { address: server.address, process: None }
    }

    /// The processor time that it has used.
    fn cpu_time(self) -> Result<Duration, LabError> {
        Ok(self.process.map_or_else(of_other_threads, of_process)?)
    }
}

/// The requests of every row.
pub(crate) struct Rows(Vec<Load>);

impl Rows {
    pub(crate) fn new(
        server: &MeasuredServer,
        seeded: &Seeded,
        express: &[(SecretForm, ExpressApplication)],
    ) -> Self {
        let target = Target::of_server(server);
        let own = ALL_ROWS.map(|row| Load { row, requests: seeded.requests(server, row, ..), target });
        let express = express.iter().map(|(form, application)| Load {
            row: Row::Express(*form),
            requests: RequestCycle::endless(application.requests.clone()),
            target: Target { address: application.address, process: Some(application.process()) },
        });
        Self(own.into_iter().chain(express).collect())
    }

    /// The requests of a row.
    pub(crate) fn get_mut(&mut self, row: Row) -> Option<&mut RequestCycle> {
        self.0.iter_mut().find(|load| load.row == row).map(|load| &mut load.requests)
    }

    /// Sends requests whose times are thrown away.
    pub(crate) fn warm_up(&mut self, context: &RunContext<'_>) -> Result<(), LabError> {
        context.steps("warm-up").advance(0, 1)?;
        let length = context.plan.warm_up / self.0.len() as u32;
        for load in &mut self.0 {
            send_requests(load.target.address, context.plan.connections, length, &mut load.requests)?;
        }
        Ok(())
    }

    pub(crate) fn measure(&mut self, context: &RunContext<'_>) -> Result<Vec<Round>, LabError> {
        let (steps, rows) = (context.steps("rounds"), self.0.len());
        let children: Vec<u32> = self.0.iter().filter_map(|load| load.target.process).collect();
        let mut rng = Rng::from_seed(context.plan.seed);
        let mut rounds = Vec::with_capacity(context.plan.rounds);
        for number in 0..context.plan.rounds {
            rng.shuffle(&mut self.0);
            let (ticks, started) = (Ticks::now(&children), Instant::now());
            let mut samples = Vec::with_capacity(self.0.len());
            for (index, load) in self.0.iter_mut().enumerate() {
                steps.advance(number * rows + index, context.plan.rounds * rows)?;
                samples.push((load.row, sample(context, load.target, context.plan.row, &mut load.requests)?));
            }
            let foreign = Ticks::now(&children).foreign_share(ticks, started.elapsed());
            rounds.push(Round { samples, foreign });
        }
        Ok(rounds)
    }
}

/// Sends the requests of a row once.
pub(crate) fn sample(
    context: &RunContext<'_>,
    target: Target,
    length: Duration,
    requests: &mut RequestCycle,
) -> Result<Sample, LabError> {
    let before = target.cpu_time()?;
    let result = send_requests(target.address, context.plan.connections, length, requests)?;
    Ok(Sample::new(&result, target.cpu_time()?.saturating_sub(before)))
}
