//! `check.latency`: response times at a constant rate, from the moment at which each request was due.

use std::time::Duration;

use crate::error::LabError;
use crate::load::open_loop::send_at_rate;
use crate::measure::Session;
use crate::measure::checks::Rows;
use crate::measure::rounds::Row;
use crate::report::model::{Better, Cell, Column, Figure, Unit};
use crate::rig::mode::Mode;
use crate::rig::server::MeasuredServer;
use crate::statistics::quantiles::Quantiles;
use crate::statistics::rng::Rng;

/// Measures the response times of each row at `rate` requests a second.
pub(crate) fn measure(
    session: &Session<'_>,
    server: &MeasuredServer,
    rows: &mut Rows,
    rate: f64,
) -> Result<Figure, LabError> {
    let (plan, steps) = (session.plan, session.steps("response times"));
    let mut order = [
        Row::Bare(Mode::Session),
        Row::Check(Mode::Session),
        Row::Check(Mode::Jwt),
        Row::Check(Mode::Hybrid),
    ];
    let columns = order;
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut rng = Rng::from_seed(plan.seed);
    for round in 0..plan.latency_rounds {
        steps.advance(round, plan.latency_rounds)?;
        rng.shuffle(&mut order);
        for row in order {
            let Some(requests) = rows.get_mut(row) else { continue };
            let measured = send_at_rate(server.address, plan.connections, rate, plan.row, requests)?;
            let column = columns.iter().position(|known| *known == row).unwrap_or_default();
            times[column].extend(measured);
        }
    }
    let note =
        "response time at half the rate of the slowest row, from the moment at which the request was due";
    let mut figure = Figure::new("check.latency", Unit::Us, Better::Lower, note);
    for (row, mut times) in columns.into_iter().zip(times) {
        let column = match row {
            Row::Bare(_) | Row::BareAgain => Column::Bare,
            Row::Check(mode) => mode.column(),
        };
        if let Some(quantiles) = Quantiles::from_times(&mut times) {
            figure = figure.with(column, Cell::quantiles(&quantiles, 1.0));
        }
    }
    Ok(figure)
}
