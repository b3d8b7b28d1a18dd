//! `down.store`: what requests are answered with while every read and every write of the store fails.

use counterfoil_load::client::exchange::{Exchange, send_once};
use counterfoil_load::rig::server::{Hashing, MeasuredServer};

use crate::error::LabError;
use crate::measure::operation::Operation;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::log_in_once;
use crate::rig::mode::{Login, Mode};

/// Logs in, lets the store fail, and sends each request several times.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Vec<Figure>, LabError> {
    let steps = context.steps("a store that fails");
    let dir = context.directory()?;
    let server = context.server(&dir, Hashing::Cheap)?;
    let count = context.plan.repetitions.max(1);
    let [session, jwt, hybrid] = Mode::ALL.map(|mode| log_in(&server, mode, count));
    let logins = [session?, jwt?, hybrid?];
    server.close_store()?;
    let mut figures = Vec::new();
    for (number, operation) in Operation::ALL.into_iter().enumerate() {
        steps.advance(number, Operation::ALL.len())?;
        let id = format!("down.store.{}", operation.as_str());
        let note = format!("the store fails: what {} is answered with", words(operation));
        let mut figure = Figure::new(&id, Unit::Status, Better::None, &note);
        for mode in operation.modes() {
            let status = |login| send(&server, login, operation).map(|response| response.status);
            let statuses = logins[*mode as usize].iter().map(status).collect::<Result<Vec<u16>, _>>()?;
            figure = figure.with(mode.column(), cell(statuses));
        }
        figures.push(figure);
    }
    // Its end cannot close a store that is closed.
    drop(server);
    Ok(figures)
}

const fn words(operation: Operation) -> &'static str {
    match operation {
        Operation::Check => "a check of a credential that was presented before",
        Operation::Login => "a login",
        Operation::Refresh => "a refresh",
        Operation::Logout => "a logout",
    }
}

/// Logs in so many times, and presents each credential once.
fn log_in(server: &MeasuredServer, mode: Mode, count: usize) -> Result<Vec<Login>, LabError> {
    let one = || {
        let login = log_in_once(server.address, mode)?;
        send(server, &login, Operation::Check)?.expect(200, "a check before the store fails")?;
        Ok(login)
    };
    (0..count).map(|_| one()).collect()
}

fn send(server: &MeasuredServer, login: &Login, operation: Operation) -> Result<Exchange, LabError> {
    let request = operation.request(login, server.address);
    send_once(server.address, &request).map_err(LabError::io("send a request"))
}

/// One status, or all if they differ.
fn cell(mut statuses: Vec<u16>) -> Cell {
    statuses.dedup();
    match statuses[..] {
        [status] => Cell::count(usize::from(status)),
        _ => Cell::text(&statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_differ_are_all_shown() {
        assert_eq!(cell(vec![503, 503]), Cell::count(503));
        assert_eq!(cell(vec![200, 503, 503]), Cell::text("200, 503"));
    }
}
