//! CPU affinity: on which core a process runs.

use std::fs;

use anyhow::Result;
use rustix::thread::{CpuSet, sched_setaffinity};

/// The server's core.
pub(crate) const SERVER_CORE: usize = 0;

/// The client's core, on a machine with more than one.
pub(crate) const CLIENT_CORE: usize = 1;

/// Pins this thread, and the threads that it starts, to `core`. Does nothing on a machine with one core.
pub(crate) fn pin_to(core: usize) -> Result<()> {
    if core_count() > 1 {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// The number of online cores. It is not the number that this process may use: that is one after pinning, and
/// child processes inherit it before they pin themselves.
pub(crate) fn core_count() -> usize {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    online
        .trim()
        .rsplit(['-', ','])
        .next()
        .and_then(|last| last.parse().ok())
        .map_or(1, |last: usize| last + 1)
}
