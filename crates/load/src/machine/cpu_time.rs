//! Processor time: of the server's threads, of this process, and of everything else on the machine.

use std::fs;
use std::time::Duration;

use crate::error::LoadError;

/// The processor time of all threads of this process, without the calling one: the server's, if the caller is the client.
///
/// # Errors
///
/// If the system does not report it.
pub fn of_other_threads() -> Result<Duration, LoadError> {
    let own = schedstat("/proc/thread-self/schedstat").unwrap_or_default();
    let mut all = 0;
    let tasks =
        fs::read_dir("/proc/self/task").map_err(LoadError::io("read the processor time of threads"))?;
    for task in tasks.flatten() {
        // A thread that has just ended has no file.
        all += schedstat(task.path().join("schedstat")).unwrap_or_default();
    }
    Ok(Duration::from_nanos(all.saturating_sub(own)))
}

/// The processor time of all threads of another process.
pub fn of_process(process: u32) -> Result<Duration, LoadError> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let tasks = tasks.map_err(LoadError::io("read the processor time of a process"))?;
    let times = tasks.flatten().filter_map(|task| schedstat(task.path().join("schedstat")));
    Ok(Duration::from_nanos(times.sum()))
}

/// The nanoseconds on a core, the first number of a `schedstat` file.
fn schedstat(path: impl AsRef<std::path::Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
}

/// The ticks that the machine and the measurement have used.
#[derive(Debug, Clone, Copy)]
pub struct Ticks {
    machine: u64,
    process: u64,
}

impl Ticks {
    /// Reads `/proc`. The processes `children` belong to the measurement as this one does.
    pub fn now(children: &[u32]) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let of_child = |child: &u32| process_ticks(&read(&format!("/proc/{child}/stat")));
        let own = process_ticks(&read("/proc/self/stat")) + children.iter().map(of_child).sum::<u64>();
        Self { machine: machine_ticks(&read("/proc/stat")), process: own }
    }

    /// The share of one core that other processes have used since `before`.
    pub fn foreign_share(self, before: Self, elapsed: Duration) -> f64 {
        let machine = self.machine.saturating_sub(before.machine);
        let own = self.process.saturating_sub(before.process);
        let seconds = machine.saturating_sub(own) as f64 / rustix::param::clock_ticks_per_second() as f64;
        seconds / elapsed.as_secs_f64()
    }
}

/// Everything in the first line of `/proc/stat` but `idle` and `iowait`; `guest` is contained in `user`.
fn machine_ticks(stat: &str) -> u64 {
    let numbers = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let is_used = |(index, _): &(usize, &str)| !matches!(index, 3 | 4) && *index < 8;
    numbers.enumerate().filter(is_used).filter_map(|(_, number)| number.parse::<u64>().ok()).sum()
}

/// `utime` and `stime` of `/proc/self/stat`, the 14th and 15th fields; the second one is in brackets.
fn process_ticks(stat: &str) -> u64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_not_counted() {
        assert_eq!(machine_ticks("cpu  10 1 20 5000 300 2 3 4 50 60\ncpu0 9 9 9\n"), 40);
        assert_eq!(machine_ticks(""), 0);
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        assert_eq!(process_ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14"), 23);
        assert_eq!(process_ticks("7 (a) S 1"), 0);
    }

    #[test]
    fn other_processes_are_what_the_machine_used_beyond_this_process() {
        let before = Ticks { machine: 100, process: 50 };
        let hertz = rustix::param::clock_ticks_per_second();
        let now = Ticks { machine: 100 + hertz, process: 50 + hertz / 2 };
        assert!((now.foreign_share(before, Duration::from_secs(1)) - 0.5).abs() < 0.02);
    }
}
