//! A simulation of the code that runs: the feed of the server over SQLite and the follower of the verifier, with a clock, a
//! network, crashes and restarts that a seed decides.
//!
//! One seed is one schedule. After each step an observer who sees all machines checks that no process accepts a credential
//! whose revocation is in force.

mod clock;
mod issuer;
mod network;
mod process;
pub(crate) mod random;
mod schedule;

use std::fmt;

use counterfoil_jose::Time;

use crate::simulation::issuer::Installation;

pub use crate::simulation::process::Fault;

const NOON: Time = Time::from_unix_seconds(1_764_000_000);

/// How many schedules use one store, one after the other: a new store takes longer than a schedule.
const SCHEDULES_PER_STORE: u64 = 100;

/// A schedule in which something went wrong.
#[derive(Debug, Clone)]
pub struct Failure {
    /// It repeats the schedule.
    pub seed: u64,
    /// What went wrong.
    pub reason: String,
    /// What happened until then.
    pub events: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "  {event}")?;
        }
        write!(f, "seed {}: {}", self.seed, self.reason)
    }
}

/// What happened in all schedules, to show that they are about something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many schedules ran.
    pub schedules: u64,
    /// How many revocations were committed.
    pub revocations: u64,
    /// How many waits for the fleet returned.
    pub waits: u64,
    /// How often the issuer crashed.
    pub issuer_crashes: u64,
    /// How often a verifier crashed.
    pub verifier_crashes: u64,
    /// How many complete responses verifiers got.
    pub responses: u64,
    /// How often the observer saw a revoked credential refused by a process that was fresh.
    pub refusals: u64,
}

/// Runs the schedules of the seeds from `first`, with verifiers that have `fault`, if any.
///
/// # Errors
///
/// The first schedule in which a credential is accepted after its revocation was in force, a wait does not end, or a
/// verifier does not heal.
pub fn run(first: u64, schedules: u64, fault: Option<Fault>) -> Result<Summary, Box<Failure>> {
    let mut summary = Summary::default();
    let mut installation = Installation::new(NOON);
    for number in 0..schedules {
        let of_store = number % SCHEDULES_PER_STORE;
        if number > 0 && of_store == 0 {
            installation = Installation::new(NOON);
        }
        // An hour later everything that the schedule before has revoked has expired.
        let booted_at = NOON + std::time::Duration::from_secs(3_600 * (of_store + 1));
        installation.clear(booted_at);
        let seed = first + number;
        if let Err(failure) = schedule::run(seed, &installation, booted_at, fault, false, &mut summary) {
            return Err(with_events(*failure, fault));
        }
        summary.schedules += 1;
    }
    Ok(summary)
}

/// Repeats the schedule in a new store, and notes its events.
fn with_events(failure: Failure, fault: Option<Fault>) -> Box<Failure> {
    let installation = Installation::new(NOON);
    let repeated = schedule::run(failure.seed, &installation, NOON, fault, true, &mut Summary::default());
    repeated.err().unwrap_or_else(|| Box::new(failure))
}
