//! The options of a run: what to measure, and for how long.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seconds each row is measured in each iteration.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// The number of iterations.
    #[arg(long, default_value_t = 5)]
    pub(crate) iterations: usize,
    /// The number of sessions, and of tokens, that requests present in turn.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) credentials: usize,
    /// The same program of another revision, to measure its server in turn with this one. Only the measurement `requests`
    /// compares the two.
    #[arg(long)]
    pub(crate) before: Option<PathBuf>,
    /// The server's program, for the measurements of its process.
    #[arg(long)]
    pub(crate) binary: PathBuf,
    /// The measurements; all of them by default.
    pub(crate) measurements: Vec<Measurement>,
}

/// A measurement that can be run by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    /// Requests per second next to a bare route, refreshes and logins.
    Requests,
    /// A store with a million sessions next to one with a thousand.
    #[value(name = "sessions-1m")]
    Sessions1m,
    /// The revocations of a verifier: the check, the memory, a snapshot.
    Revocations,
    /// The process: start-up time and idle memory.
    Process,
    /// The rendering of pages.
    Pages,
}
