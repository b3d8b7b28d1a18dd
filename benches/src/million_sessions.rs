//! The row `sessions-1m`: the rate of a store with a million sessions next to that of a store with a
//! thousand.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use counterfoil_load::client::closed_loop::{CONNECTIONS, send_requests};
use counterfoil_load::client::requests::{RequestCycle, get};

use crate::fill_store::fill_store;
use crate::options::Options;
use crate::report::{Assessment, Sample, median_of};
use crate::server_process::ServerProcess;

const SMALL: usize = 1_000;
const LARGE: usize = 1_000_000;

/// How many sessions of the large store are presented in turn. All sessions of the small one are.
const PRESENTED: usize = 100_000;

/// Measures both stores in turn.
pub(crate) fn run(options: &Options) -> Result<Assessment> {
    let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
    eprintln!("filling two stores, with {SMALL} and {LARGE} sessions");
    let mut small = FilledServer::start(&dir.path().join("small.db"), SMALL, 1)?;
    let mut large = FilledServer::start(&dir.path().join("large.db"), LARGE, LARGE / PRESENTED)?;
    let limit = Duration::from_secs_f64(options.seconds);
    let mut ratios = Vec::with_capacity(options.iterations);
    for number in 0..options.iterations {
        // The order alternates, so that other work on the machine affects both.
        let (small, large) = if number % 2 == 0 {
            let small = small.measure(limit)?;
            (small, large.measure(limit)?)
        } else {
            let large = large.measure(limit)?;
            (small.measure(limit)?, large)
        };
        ratios.push((large.rate() / small.rate(), small.cpu() / large.cpu()));
    }
    let rate = median_of(ratios.iter().map(|ratio| ratio.0));
    let cpu = median_of(ratios.iter().map(|ratio| ratio.1));
    Ok(Assessment {
        result: format!("{rate:.3} of the rate with 1,000 (by CPU {cpu:.3})"),
        goal: ">= 0.9".to_owned(),
        is_met: rate >= 0.9,
    })
}

/// A server with a filled store, and the requests for its sessions.
struct FilledServer {
    process: ServerProcess,
    sessions: RequestCycle,
}

impl FilledServer {
    /// Fills the store `file` with `count` sessions, of which every `every`-th one is presented. Each is
    /// presented once before the measurement, so that it is in the session cache.
    fn start(file: &Path, count: usize, every: usize) -> Result<Self> {
        let tokens = fill_store(file, count, every)?;
        let process = ServerProcess::start(&["--store".as_ref(), file.as_os_str()])?;
        let request = |token: &String| {
            get(process.address, "/protected", &format!("cookie: counterfoil-session={token}"))
        };
        let mut sessions = RequestCycle::endless(tokens.iter().map(request).collect());
        process.warm_up(&mut sessions)?;
        Ok(Self { process, sessions })
    }

    fn measure(&mut self, limit: Duration) -> Result<Sample> {
        let before = self.process.cpu_time()?;
        let result = send_requests(self.process.address, CONNECTIONS, limit, &mut self.sessions)?;
        Ok(Sample::new(&result, self.process.cpu_time()?.saturating_sub(before)))
    }
}
