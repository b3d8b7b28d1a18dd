//! `check.latency`: response times at a constant rate, from the moment at which each request was due.

use std::time::Duration;

use counterfoil_load::client::open_loop::send_at_rate;
use counterfoil_load::rig::server::MeasuredServer;
use counterfoil_load::statistics::quantiles::Quantiles;
use counterfoil_load::statistics::rng::Rng;

use crate::error::LabError;
use crate::measure::rounds::Row;
use crate::measure::row_loads::Rows;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Column, Figure, Unit};
use crate::rig::mode::Mode;

/// Measures the response times of each row at `rate` requests a second.
pub(crate) fn measure(
    context: &RunContext<'_>,
    server: &MeasuredServer,
    rows: &mut Rows,
    rate: f64,
) -> Result<Figure, LabError> {
    let (plan, steps) = (context.plan, context.steps("response times"));
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
            Row::Express(_) => continue,
        };
        if let Some(quantiles) = Quantiles::from_times(&mut times) {
            figure = figure.with(column, Cell::quantiles(&quantiles, 1.0));
        }
    }
    Ok(figure)
}
