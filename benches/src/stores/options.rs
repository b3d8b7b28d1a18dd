//! The options of a run.

use std::path::PathBuf;

use clap::Args;

/// What to measure, for how long, and where the other servers are.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seconds each row is measured in each iteration.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// The number of iterations.
    #[arg(long, default_value_t = 5)]
    pub(crate) iterations: usize,
    /// The number of sessions that requests present in turn.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) credentials: usize,
    /// The program of the other libraries.
    #[arg(long)]
    pub(crate) baselines: PathBuf,
    /// The folder with the Express application and its packages.
    #[arg(long)]
    pub(crate) express: PathBuf,
    /// Prints JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}
