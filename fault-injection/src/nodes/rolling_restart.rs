//! Scenario `rolling-restart`: each node is restarted in turn behind a load balancer, and no request fails.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::check::{ReuseGrace, check};
use crate::history::History;
use crate::model::Model;
use crate::nodes::fleet::{Fleet, FleetOptions};
use crate::nodes::requests::Requests;
use crate::program::Program;
use crate::report::{Progress, Report, format_millis};
use crate::workload::Workload;

/// The number of clients.
const CLIENTS: usize = 4;

/// How long clients send requests before the first restart and after the last.
const UNDISTURBED: Duration = Duration::from_secs(1);

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// The nodes.
    pub fleet: FleetOptions,
    /// How often each node is restarted.
    pub rounds: usize,
}

impl Size {
    /// What `cargo xtask soak` runs.
    pub const FULL: Self = Self { fleet: FleetOptions::RECOMMENDED, rounds: 8 };
    /// What the tests run.
    pub const SHORT: Self = Self { fleet: FleetOptions::SHORT, rounds: 1 };

    /// The number of restarts.
    pub const fn restarts(self) -> usize {
        self.fleet.nodes * self.rounds
    }
}

/// Restarts each node with SIGTERM under load, round after round. `programs` take turns: two of them are an upgrade and its
/// rollback. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(
    programs: &[&Program],
    dir: &Path,
    size: Size,
    seed: u64,
    progress: Progress<'_>,
) -> Result<Report> {
    let first = programs.first().context("a program")?;
    let mut fleet = Fleet::start(first, dir, size.fleet, ReuseGrace::Enabled)?;
    let history = Arc::new(History::default());
    let workload = Workload::start(CLIENTS, fleet.balancer.address, &fleet.admin_key, &history, seed);
    let mut slowest_stop = Duration::ZERO;
    let restarted = (|| {
        sleep(UNDISTURBED);
        for round in 1..=size.rounds {
            for node in 0..fleet.len() {
                slowest_stop = slowest_stop.max(fleet.stop(node)?);
                fleet.restart(node, programs[round % programs.len()])?;
                progress();
            }
        }
        sleep(UNDISTURBED);
        anyhow::Ok(())
    })();
    workload.stop();
    restarted?;

    let requests = Requests::of(&history);
    let mut violations = history.unexpected_responses();
    let mut model = Model::from_history(&history);
    let result = check(&mut model, fleet.settled_node()?, ReuseGrace::Enabled, seed)?;
    let checked = result.sessions();
    violations.extend(result.violations);

    let mut report = Report::new("rolling-restart");
    report.add_measurement("restarts", size.restarts());
    report.add_measurement("slowest stop", format_millis(slowest_stop));
    report.add_criterion("requests", "> 0", requests.sent, requests.sent > 0);
    report.add_criterion("failed requests", "0", requests.failed_at.len(), requests.failed_at.is_empty());
    report.add_measurement("sessions checked", checked);
    report.add_violations("violations", violations);
    if !report.is_met() {
        let log = fleet.balancer.log();
        report.violations.extend(log.lines().take(10).map(str::to_owned));
    }
    Ok(report)
}
