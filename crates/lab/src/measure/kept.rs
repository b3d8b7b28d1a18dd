//! `kept.disk`: bytes in the store for each login.

use std::fs;

use counterfoil_load::rig::server::Hashing;
use tempfile::TempDir;

use crate::error::LabError;
use crate::measure::run_context::RunContext;
use crate::report::cell::Cell;
use crate::report::model::{Better, Figure, Unit};
use crate::rig::credentials::log_in;
use crate::rig::mode::Mode;

/// Measures by how much the store grows from N to 2 N logins, each time closed, so that the write-ahead log is empty.
pub(crate) fn measure(context: &RunContext<'_>) -> Result<Figure, LabError> {
    let count = context.plan.kept;
    let note = format!(
        "bytes on disk of a login, with its audit event and its indexes: the growth of the store from {count} to {} logins",
        2 * count
    );
    let mut figure = Figure::new("kept.disk", Unit::Bytes, Better::Lower, &note);
    for mode in Mode::ALL {
        let dir = context.directory()?;
        let before = size_after(context, &dir, mode, count)?;
        let after = size_after(context, &dir, mode, count)?;
        let growth = after.saturating_sub(before) as f64 / count as f64;
        figure = figure.with(mode.column(), Cell::number(growth.round()));
    }
    Ok(figure)
}

/// The size of the store after `count` more logins.
fn size_after(context: &RunContext<'_>, dir: &TempDir, mode: Mode, count: usize) -> Result<u64, LabError> {
    let server = context.server(dir, Hashing::Cheap)?;
    log_in(server.address, mode, count, &context.steps("logins on disk"))?;
    server.stop()?;
    let store = fs::metadata(dir.path().join("counterfoil.db"));
    Ok(store.map_err(LabError::io("read the size of the store"))?.len())
}
