//! Metrics of this process, read from `/proc/self`: memory, open files and CPU time.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use crate::metrics::encoder::Encoder;

/// Encodes the metrics that can be read, and leaves out the others.
pub(crate) fn encode(encoder: &mut Encoder<'_>) -> std::fmt::Result {
    if let Some(bytes) = resident_bytes() {
        encoder.gauge("process_resident_memory_bytes", "Resident memory size in bytes", bytes)?;
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of the descriptors belongs to this read itself.
        let open = files.count().saturating_sub(1) as u64;
        encoder.gauge("process_open_fds", "Number of open file descriptors", open)?;
    }
    if let Some(max) = getrlimit(Resource::Nofile).current {
        encoder.gauge("process_max_fds", "Maximum number of open file descriptors", max)?;
    }
    if let Some(ticks) = cpu_ticks() {
        let seconds = ticks as f64 / clock_ticks_per_second() as f64;
        encoder.seconds_counter("process_cpu", "Total user and system CPU time in seconds", seconds)?;
    }
    Ok(())
}

/// The second field of `statm`, which counts pages.
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

/// `utime` plus `stime`: fields 14 and 15 of `stat`. The name in field 2 may contain spaces and parentheses, so the
/// fields are counted from the last closing parenthesis.
fn cpu_ticks() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = text.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<u64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.first()? + ticks.get(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_cpu_time_of_this_process_can_be_read() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(cpu_ticks().is_some());
    }
}
