//! Scenario `bystanders`: while one client does something that it may, as fast as it can, another is served as usual.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;
use tokio::runtime::Builder;

use crate::bystander::plan::{Plan, Target};
use crate::bystander::preparation::{copy_ended_session, end_a_session};
use crate::bystander::{Outcome, rows, run as run_row};
use crate::program::{LaunchConfig, Program};
use crate::report::{Progress, Report, format_millis};
use crate::server::Server;

/// Ten seconds for each row, with the password hashing of production.
const PLAN: Plan = Plan {
    duration: Duration::from_secs(10),
    login_interval: Duration::from_millis(200),
    max_latency: Duration::from_millis(100),
    max_login_latency: Duration::from_secs(1),
};

/// How long the server may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The limit of connections: less than some rows open.
const MAX_CONNECTIONS: &str = "300";

/// The number of steps of the scenario.
pub fn steps() -> usize {
    rows().len()
}

/// Runs every row against the binary, with its default rate limits. Works in `dir`.
///
/// # Errors
///
/// If the scenario cannot be carried out. Violations are part of the report.
pub fn run(program: &Program, dir: &Path, progress: Progress<'_>) -> Result<Report> {
    let data = dir.join("data");
    let metrics = free_address()?;
    let config = LaunchConfig::new(&data)
        .with_default_rate_limits()
        .with_production_hashing()
        .with_env("COUNTERFOIL_MAX_CONNECTIONS", MAX_CONNECTIONS)
        .with_env("COUNTERFOIL_METRICS_LISTEN", metrics.to_string());
    let server = program.start(&config)?;
    let (admin_key, verifier_key) =
        (program.create_admin_key(&config)?, program.create_verifier_key(&config)?);
    let target = |server: &Server| Target {
        address: server.address,
        metrics,
        admin_socket: data.join("admin.sock"),
        admin_key: admin_key.clone(),
        verifier_key: verifier_key.clone(),
    };
    Builder::new_current_thread().enable_all().build()?.block_on(end_a_session(&target(&server)))?;
    server.send_signal(Signal::TERM)?;
    server.wait_for_exit(STOP_TIMEOUT)?;
    copy_ended_session(&data.join("counterfoil.db"))?;

    let server = program.start(&config)?;
    let mut report = Report::new("bystanders");
    for (number, row) in (1..).zip(rows()) {
        add(&mut report, &run_row(row, number, &target(&server), &PLAN)?);
        progress();
    }
    Ok(report)
}

/// Adds the worst latency of a row, and what the bystander did not get.
fn add(report: &mut Report, outcome: &Outcome) {
    let violations = outcome.violations(&PLAN);
    let goal = format!(
        "p99 <= {}, login <= {}",
        format_millis(PLAN.max_latency),
        format_millis(PLAN.max_login_latency)
    );
    report.add_criterion(outcome.row.name, &goal, outcome.summary(&PLAN), violations.is_empty());
    let violations = violations.into_iter().map(|violation| format!("{}: {violation}", outcome.row.name));
    report.violations.extend(violations);
}

/// An address on loopback whose port is free.
fn free_address() -> Result<std::net::SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
