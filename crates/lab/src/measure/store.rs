//! `store.reads` and `store.commits`: how often each request asks the store and writes to it, by the store's own counters.

use crate::error::LabError;
use crate::load::exchange::BlockingConnection;
use crate::measure::Session;
use crate::measure::figure_id::FigureId;
use crate::report::model::{Better, Cell, Figure, Unit};
use crate::rig::credentials::{connect, log_in_once};
use crate::rig::mode::{Login, Mode};
use crate::rig::server::{MeasuredServer, PROTECTED};

/// How often each request is counted. Background jobs use the store too, so the median is taken.
const REPETITIONS: usize = 9;

/// What is counted.
const OPERATIONS: [(&str, &str); 4] =
    [("check", "a check"), ("login", "a login"), ("refresh", "a refresh"), ("logout", "a logout")];

/// Counts reads and commits of a check, a login, a refresh and a logout.
pub(crate) fn measure(session: &Session<'_>, server: &MeasuredServer) -> Result<Vec<Figure>, LabError> {
    if !session.plan.wants_any(&[FigureId::StoreReads, FigureId::StoreCommits]) {
        return Ok(Vec::new());
    }
    let steps = session.steps("the store");
    let mut figures = Vec::new();
    for (number, (operation, words)) in OPERATIONS.into_iter().enumerate() {
        steps.advance(number, OPERATIONS.len())?;
        let figure = |kind: &str| {
            let note = format!("{kind} of the store for {words}");
            Figure::new(&format!("store.{kind}.{operation}"), Unit::Count, Better::Lower, &note)
        };
        let (mut reads, mut commits) = (figure("reads"), figure("commits"));
        for mode in Mode::ALL {
            if operation == "refresh" && mode != Mode::Hybrid {
                continue;
            }
            let (read, committed) = count(server, mode, operation)?;
            reads = reads.with(mode.column(), Cell::count(read));
            commits = commits.with(mode.column(), Cell::count(committed));
        }
        figures.extend([reads, commits]);
    }
    Ok(figures)
}

/// The median numbers of reads and commits of an operation.
fn count(server: &MeasuredServer, mode: Mode, operation: &str) -> Result<(usize, usize), LabError> {
    let mut connection = connect(server.address)?;
    let (mut reads, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let login = log_in_once(server.address, mode)?;
        // A credential that was seen before, as in the rounds.
        send(&mut connection, &login.get(server.address, PROTECTED))?;
        let before = (server.store_reads(), server.store_commits());
        perform(server, &mut connection, &login, operation)?;
        reads.push((server.store_reads() - before.0) as usize);
        commits.push((server.store_commits() - before.1) as usize);
    }
    reads.sort_unstable();
    commits.sort_unstable();
    Ok((reads[REPETITIONS / 2], commits[REPETITIONS / 2]))
}

fn perform(
    server: &MeasuredServer,
    connection: &mut BlockingConnection,
    login: &Login,
    operation: &str,
) -> Result<(), LabError> {
    let address = server.address;
    send(
        connection,
        &match operation {
            "login" => login.mode.login_request(address),
            "refresh" => login.refresh_request(address),
            "logout" => login.logout_request(address),
            _ => login.get(address, PROTECTED),
        },
    )
}

fn send(connection: &mut BlockingConnection, request: &[u8]) -> Result<(), LabError> {
    connection.send(request).map(drop).map_err(LabError::io("send a request"))
}
