//! `login.latency`: logins with the default Argon2id parameters, on a server of their own.

use counterfoil_load::client::closed_loop::send_requests;
use counterfoil_load::client::requests::RequestCycle;
use counterfoil_load::rig::server::Hashing;
use counterfoil_load::statistics::quantiles::Quantiles;

use crate::error::LabError;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::mode::Mode;

/// The number of connections: enough to keep the hashing threads busy.
const CONNECTIONS: usize = 4;

/// Logs in, over and over, in each mode.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Figure, LabError> {
    let steps = context.steps("logins with Argon2id");
    let dir = context.directory()?;
    let server = context.server(&dir, Hashing::Default)?;
    let note = "response time of a login, with 4 connections and the default Argon2id parameters";
    let mut figure = Figure::new("login.latency", Unit::Ms, Better::Lower, note);
    for (number, mode) in Mode::ALL.into_iter().enumerate() {
        steps.advance(number, Mode::ALL.len())?;
        let mut requests = RequestCycle::endless(vec![mode.login_request(server.address)]);
        let mut result = send_requests(server.address, CONNECTIONS, context.plan.login, &mut requests)?;
        if let Some(quantiles) = Quantiles::from_times(&mut result.times) {
            figure = figure.with(mode.column(), Cell::quantiles(&quantiles, 1e3));
        }
    }
    server.stop()?;
    Ok(figure)
}
