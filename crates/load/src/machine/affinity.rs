//! CPU affinity: on which core a thread runs.

use std::{fs, io};

use rustix::thread::{CpuSet, sched_setaffinity};

/// The server's core.
pub const SERVER_CORE: usize = 0;

/// The client's core, on a machine with more than one.
pub const CLIENT_CORE: usize = 1;

/// Pins this thread, and the threads that it starts, to `core`. Does nothing on a machine with one core.
///
/// # Errors
///
/// If the system refuses it, for example in a container that may not use this core.
pub fn pin_to(core: usize) -> io::Result<()> {
    if core_count() > 1 {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}

/// The number of online cores. It is not the number that this process may use: that is one after pinning, and
/// child processes inherit it before they pin themselves.
#[must_use]
pub fn core_count() -> usize {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    online
        .trim()
        .rsplit(['-', ','])
        .next()
        .and_then(|last| last.parse().ok())
        .map_or(1, |last: usize| last + 1)
}

/// Whether this process may use both cores, so that the server and the client can have one each.
#[must_use]
pub fn has_both_cores() -> bool {
    rustix::thread::sched_getaffinity(None)
        .is_ok_and(|allowed| allowed.is_set(SERVER_CORE) && allowed.is_set(CLIENT_CORE))
}
