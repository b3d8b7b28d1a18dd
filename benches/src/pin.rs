//! Which core a process runs on.

use std::thread::available_parallelism;

use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};

/// The server's core.
pub(crate) const SERVER: usize = 0;

/// The client's core, where there are two.
pub(crate) const CLIENT: usize = 1;

/// Keeps this thread, and those that it starts, on `core`. Where there is one core only, nothing is kept apart.
pub(crate) fn to(core: usize) -> Result<()> {
    if cores() > 1 {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// How many cores we may use.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}
