//! `refresh.rate`: refreshes a second, each durable before its answer.

use counterfoil_load::client::closed_loop::send_requests;
use counterfoil_load::client::requests::RefreshRequests;
use counterfoil_load::rig::server::MeasuredServer;
use counterfoil_load::statistics::interval::{Interval, median};

use crate::error::LabError;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Column, Figure, Unit};

/// The rounds, in each of which one connection is measured beside many.
const ROUNDS: usize = 3;

/// Refreshes over all connections, and over one.
pub(crate) fn measure(
    context: &RunContext<'_>,
    server: &MeasuredServer,
    refresh_tokens: Vec<String>,
) -> Result<Figure, LabError> {
    let (plan, steps) = (context.plan, context.steps("refreshes"));
    let mut requests = RefreshRequests::new(server.address, refresh_tokens);
    let (mut together, mut one) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        steps.advance(round, ROUNDS)?;
        let mut rate = |connections| {
            let result = send_requests(server.address, connections, plan.login / 2, &mut requests);
            result.map(|result| result.rate())
        };
        together.push(rate(plan.connections)?);
        one.push(rate(1)?);
    }
    let ratios: Vec<f64> = together.iter().zip(&one).map(|(together, one)| together / one).collect();
    let (ratio, alone) = (median(&ratios).unwrap_or_default(), median(&one).unwrap_or_default());
    let note = format!(
        "durable refreshes a second with {} connections; {ratio:.1} times of one at a time, which is {alone:.0}",
        plan.connections
    );
    let figure = Figure::new("refresh.rate", Unit::PerS, Better::Higher, &note);
    let interval = Interval::by_bootstrap(&together, plan.resamples, plan.seed);
    Ok(figure.with(Column::Hybrid, interval.as_ref().map(Cell::interval).unwrap_or_default()))
}
