//! Which core a process runs on.

use std::fs;

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

/// How many cores there are. Not how many this process may use: it has pinned itself, and so have its
/// children, who inherit that and move.
pub(crate) fn cores() -> usize {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    online
        .trim()
        .rsplit(['-', ','])
        .next()
        .and_then(|last| last.parse().ok())
        .map_or(1, |last: usize| last + 1)
}
