//! The row `sessions-1m`: whether a store with a million sessions answers like one with a thousand.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::fill::fill;
use crate::load::{CONNECTIONS, drive};
use crate::options::Options;
use crate::process::Server;
use crate::report::{Sample, Verdict, median_of};
use crate::requests::{Rotation, get};

const FEW: usize = 1_000;
const MANY: usize = 1_000_000;

/// How many of the many are shown in turn. All of the few are.
const SHOWN: usize = 100_000;

/// Measures both side by side.
pub(crate) fn run(options: &Options) -> Result<Verdict> {
    let dir = tempfile::Builder::new().prefix("counterfoil-bench-").tempdir()?;
    eprintln!("filling two stores, with {FEW} and {MANY} sessions");
    let mut few = Filled::new(&dir.path().join("few.db"), FEW, 1)?;
    let mut many = Filled::new(&dir.path().join("many.db"), MANY, MANY / SHOWN)?;
    let limit = Duration::from_secs_f64(options.seconds);
    let mut ratios = Vec::with_capacity(options.rounds);
    for number in 0..options.rounds {
        // Who is first changes: what the machine does besides is shared by both.
        let (few, many) = if number % 2 == 0 {
            let few = few.measure(limit)?;
            (few, many.measure(limit)?)
        } else {
            let many = many.measure(limit)?;
            (few.measure(limit)?, many)
        };
        ratios.push((many.rate() / few.rate(), few.cpu() / many.cpu()));
    }
    let rate = median_of(ratios.iter().map(|ratio| ratio.0));
    let cpu = median_of(ratios.iter().map(|ratio| ratio.1));
    Ok(Verdict {
        reached: format!("{rate:.3} of the rate with 1,000 (by CPU {cpu:.3})"),
        goal: ">= 0.9".to_owned(),
        is_met: rate >= 0.9,
    })
}

/// A server on a filled store, and what it is asked.
struct Filled {
    server: Server,
    sessions: Rotation,
}

impl Filled {
    /// With `count` sessions, of which every one in `every` is shown; once already, so that it is remembered.
    fn new(file: &Path, count: usize, every: usize) -> Result<Self> {
        let tokens = fill(file, count, every)?;
        let server = Server::start(&["--store".as_ref(), file.as_os_str()])?;
        let cookie =
            |token: &String| get(server.address, "/ours", &format!("cookie: counterfoil-session={token}"));
        let mut sessions = Rotation::endless(tokens.iter().map(cookie).collect());
        server.lap(&mut sessions)?;
        Ok(Self { server, sessions })
    }

    fn measure(&mut self, limit: Duration) -> Result<Sample> {
        let before = self.server.cpu()?;
        let driven = drive(self.server.address, CONNECTIONS, limit, &mut self.sessions)?;
        Ok(Sample::of(&driven, self.server.cpu()?.saturating_sub(before)))
    }
}
