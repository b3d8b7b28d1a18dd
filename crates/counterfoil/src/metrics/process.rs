//! What the system says of this process: memory, files, time on the processor. Linux tells it below `/proc/self`.

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use crate::metrics::encoder::Sheet;

/// Tells what can be read; what cannot is left out.
pub(crate) fn tell(sheet: &mut Sheet<'_>) -> std::fmt::Result {
    if let Some(bytes) = resident_bytes() {
        sheet.gauge("process_resident_memory_bytes", "Memory that is in use (RSS)", bytes)?;
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of them is the reading itself.
        let open = files.count().saturating_sub(1) as u64;
        sheet.gauge("process_open_fds", "Open files, each connection among them", open)?;
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        sheet.gauge("process_max_fds", "How many files may be open", most)?;
    }
    if let Some(ticks) = processor_ticks() {
        let seconds = ticks as f64 / clock_ticks_per_second() as f64;
        sheet.counter_of_seconds("process_cpu", "Time on the processor", seconds)?;
    }
    Ok(())
}

/// The second number of `statm` is in pages.
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

/// `utime` and `stime`: the 14th and 15th field of `stat`, counted from behind the name, which may hold anything.
fn processor_ticks() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = text.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<u64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(ticks.first()? + ticks.get(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_memory() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(processor_ticks().is_some());
    }
}
