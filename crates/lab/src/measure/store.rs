//! `store.reads` and `store.commits`: how often each request asks the store and writes to it, by the store's own counters.

use counterfoil_load::client::exchange::BlockingConnection;
use counterfoil_load::rig::server::MeasuredServer;

use crate::error::LabError;
use crate::measure::figure_id::FigureId;
use crate::measure::operation::Operation;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::{connect, log_in_once};
use crate::rig::mode::Mode;

/// How often each request is counted. Background jobs use the store too, so the median is taken.
const REPETITIONS: usize = 9;

/// Counts reads and commits of a check, a login, a refresh and a logout.
pub(crate) fn measure(context: &RunContext<'_>, server: &MeasuredServer) -> Result<Vec<Figure>, LabError> {
    if !context.plan.wants_any(&[FigureId::StoreReads, FigureId::StoreCommits]) {
        return Ok(Vec::new());
    }
    let steps = context.steps("the store");
    let mut figures = Vec::new();
    for (number, operation) in Operation::ALL.into_iter().enumerate() {
        steps.advance(number, Operation::ALL.len())?;
        let figure = |kind: &str| {
            let name = operation.as_str();
            let note = format!("{kind} of the store for a {name}");
            Figure::new(&format!("store.{kind}.{name}"), Unit::Count, Better::Lower, &note)
        };
        let (mut reads, mut commits) = (figure("reads"), figure("commits"));
        for mode in operation.modes() {
            let (read, committed) = count(server, *mode, operation)?;
            reads = reads.with(mode.column(), Cell::count(read));
            commits = commits.with(mode.column(), Cell::count(committed));
        }
        figures.extend([reads, commits]);
    }
    Ok(figures)
}

/// The median numbers of reads and commits of an operation.
fn count(server: &MeasuredServer, mode: Mode, operation: Operation) -> Result<(usize, usize), LabError> {
    let mut connection = connect(server.address)?;
    let (mut reads, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let login = log_in_once(server.address, mode)?;
        // A credential that was seen before, as in the rounds.
        send(&mut connection, &Operation::Check.request(&login, server.address))?;
        let before = (server.store_reads(), server.store_commits());
        send(&mut connection, &operation.request(&login, server.address))?;
        reads.push((server.store_reads() - before.0) as usize);
        commits.push((server.store_commits() - before.1) as usize);
    }
    reads.sort_unstable();
    commits.sort_unstable();
    Ok((reads[REPETITIONS / 2], commits[REPETITIONS / 2]))
}

fn send(connection: &mut BlockingConnection, request: &[u8]) -> Result<(), LabError> {
    connection.send(request).map(drop).map_err(LabError::io("send a request"))
}
