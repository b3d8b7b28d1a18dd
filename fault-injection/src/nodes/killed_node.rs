//! Scenario `killed-node`: nodes are killed behind a load balancer. Only requests in progress at the killed node fail, and nothing that was
//! acknowledged is lost.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use crate::check::{ReuseGrace, check};
use crate::history::{History, monotonic_now};
use crate::model::Model;
use crate::nodes::fleet::{Fleet, FleetOptions};
use crate::nodes::requests::Requests;
use crate::program::Program;
use crate::report::{Progress, Report};
use crate::rng::Rng;
use crate::workload::Workload;

/// The number of clients.
const CLIENTS: usize = 4;

/// How long a request may be sent after a kill and still meet an open connection to the killed node, on a busy machine.
const SLACK: Duration = Duration::from_millis(250);

/// How many requests may fail, in per cent.
const MAX_FAILED_PERCENT: f64 = 0.5;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The nodes.
    pub fleet: FleetOptions,
    /// The number of kills.
    pub kills: usize,
    /// The time from one kill to the next. For half of it both nodes run; nginx, which counts whole seconds, may leave out for two of
    /// them one that was still down when it tried it.
    pub interval: Duration,
}

impl Size {
    /// What `cargo xtask soak` runs: ten minutes.
    pub const FULL: Self =
        Self { fleet: FleetOptions::RECOMMENDED, kills: 120, interval: Duration::from_secs(5) };
    /// What the tests run.
    pub const SHORT: Self = Self { fleet: FleetOptions::SHORT, kills: 3, interval: Duration::from_secs(5) };
}

/// Kills a random node under load, starts it again, and repeats that. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, size: Size, seed: u64, progress: Progress<'_>) -> Result<Report> {
    let mut fleet = Fleet::start(program, dir, size.fleet, ReuseGrace::Disabled)?;
    let mut rng = Rng::from_seed(seed);
    let history = Arc::new(History::default());
    let workload = Workload::start(CLIENTS, fleet.balancer.address, &fleet.admin_key, &history, seed);
    let mut kills = Vec::new();
    let killed = (|| {
        for _ in 0..size.kills {
            sleep(size.interval / 2);
            let node = rng.below(fleet.len());
            fleet.kill(node)?;
            kills.push(monotonic_now());
            sleep(size.interval / 2);
            fleet.restart(node, program)?;
            progress();
        }
        sleep(size.interval / 2);
        anyhow::Ok(())
    })();
    workload.stop();
    killed?;

    let requests = Requests::of(&history);
    let mut model = Model::from_history(&history);
    let result = check(&mut model, fleet.settled_node()?, ReuseGrace::Disabled, seed)?;
    let mut report = Report::new("killed-node");
    report.add_measurement("kills", kills.len());
    report.add_criterion("requests", "> 0", requests.sent, requests.sent > 0);
    let (failed, percent) = (requests.failed_at.len(), requests.failed_percent());
    report.add_measurement("failed requests", failed);
    report.add_criterion("of all", "<= 0.5 %", format!("{percent:.2} %"), percent <= MAX_FAILED_PERCENT);
    let later = requests.failed_without(&kills, SLACK);
    report.add_criterion("of them sent after a kill", "0", later, later == 0);
    report.add_measurement("sessions checked", result.sessions());
    report.add_violations("violations", result.violations);
    if !report.is_met() {
        let log = fleet.balancer.log();
        report.violations.extend(log.lines().take(10).map(str::to_owned));
    }
    Ok(report)
}
