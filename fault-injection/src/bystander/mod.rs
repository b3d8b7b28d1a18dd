//! Bystander rows: while one client does something that it may, as fast as it can, another is served as usual.
//!
//! Each [`Row`] is one kind of load from one client IP. Meanwhile a bystander from another IP connects, logs in and calls
//! `/v1/me`; every response must be a success, and the 99th percentile must stay within a bound. The rows cover each
//! route and each queue of the server.
//!
//! ```text
//!   row                 what one client does, and which routes that covers
//!   route_rows          a row for each route
//!   queue_rows          a row for each queue: connections, bodies, streams, hashes, the store's writer and readers
//!   plan                the server under test, the length of a row and the bounds
//!   identity            an account with its client IP
//!   attacker            the client that does what a row says
//!   measurement         the bystander
//!   preparation         data that a row needs before the server starts
//! ```

mod attacker;
pub mod identity;
pub mod measurement;
pub mod plan;
pub mod preparation;
mod queue_rows;
mod route_rows;
pub mod row;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use crate::bystander::attacker::Attack;
use crate::bystander::identity::Identity;
use crate::bystander::measurement::Measurement;
use crate::bystander::plan::{Plan, Target};
use crate::bystander::row::{Account, Row};
use crate::load::run_low_priority;
use crate::report::format_millis;

/// How long the load runs before the bystander starts.
const WARM_UP: Duration = Duration::from_millis(50);

/// How long it may take to register the two accounts and to log them in.
const SETUP_TIMEOUT: Duration = Duration::from_secs(30);

/// What was measured during a row.
#[derive(Debug)]
pub struct Outcome {
    /// The row.
    pub row: &'static Row,
    /// How often the attacker did what the row says.
    pub actions: u64,
    /// The statuses of the responses to the attacker, and how many of each.
    pub statuses: Vec<(u16, u64)>,
    /// The bystander.
    pub measurement: Measurement,
}

/// All rows.
pub fn rows() -> Vec<&'static Row> {
    route_rows::ROWS.iter().chain(queue_rows::ROWS).collect()
}

/// Runs a row. `number` is its own in a run: each row has accounts and client IPs of its own, so that no limit
/// that one row has reached weakens the next.
///
/// # Errors
///
/// If the row cannot be carried out. A bystander that is not served is part of the outcome.
pub fn run(row: &'static Row, number: u8, target: &Target, plan: &Plan) -> Result<Outcome> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (attacker, bystander) = runtime.block_on(async {
        let attacker = attacker(row, number, target);
        let bystander = Identity::register(target, Ipv4Addr::new(127, 0, 3, number), "bystander", number);
        let both = async { anyhow::Ok((attacker.await?, bystander.await?)) };
        timeout(SETUP_TIMEOUT, both).await.context("the accounts could not be registered in time")?
    })?;
    let attack = Arc::new(Attack::new(row, attacker));
    thread::scope(|scope| {
        let length = plan.duration + WARM_UP;
        let attacker = Arc::clone(&attack).run();
        // It ends by the timeout.
        let attacking = scope.spawn(move || run_low_priority(async { timeout(length, attacker).await }));
        let measurement = runtime.block_on(async {
            sleep(WARM_UP).await;
            measurement::measure(&bystander, row.probe, plan).await
        });
        let _ = attacking.join().expect("the load does not panic")?;
        Ok(Outcome { row, actions: attack.actions(), statuses: attack.statuses(), measurement })
    })
}

/// The account of the attacker.
async fn attacker(row: &Row, number: u8, target: &Target) -> Result<Identity> {
    let source = Ipv4Addr::new(127, 0, 2, number);
    match row.account {
        Account::New => Identity::register(target, source, "attacker", number).await,
        Account::ManySessions => {
            Identity::log_in(target, source, preparation::USERNAME.to_owned(), number).await
        }
    }
}

impl Outcome {
    /// The latencies of the bystander, and what the attacker did meanwhile.
    pub fn summary(&self, plan: &Plan) -> String {
        let percentiles = self.measurement.percentiles(plan).into_iter();
        let latencies: Vec<String> =
            percentiles.map(|(what, latency, _)| format!("{what} {}", format_millis(latency))).collect();
        let statuses: Vec<String> =
            self.statuses.iter().map(|(status, count)| format!("{count} x {status}")).collect();
        format!("{}; {} actions {}", latencies.join(", "), self.actions, statuses.join(", "))
            .trim()
            .to_owned()
    }

    /// Why the row is not met; empty if it is.
    pub fn violations(&self, plan: &Plan) -> Vec<String> {
        let Measurement { failures, .. } = &self.measurement;
        let mut violations: Vec<String> =
            failures.iter().map(|(failure, count)| format!("{count} x {failure}")).collect();
        for (what, latency, bound) in self.measurement.percentiles(plan) {
            if latency > bound {
                violations.push(format!("the p99 of {what} is {latency:?}, above {bound:?}"));
            }
        }
        if self.actions == 0 {
            violations.push("the attacker did nothing".to_owned());
        }
        violations
    }
}
