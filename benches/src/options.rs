//! What to measure, for how long and how much.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How long, and how much.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each row is measured in each round.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// How many sessions, and how many tokens, are shown in turn.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) credentials: usize,
    /// The binary of the server, for what is measured of the process.
    #[arg(long)]
    pub(crate) binary: PathBuf,
    /// What to measure; everything, if nothing is named.
    pub(crate) what: Vec<Part>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Requests a second beside a bare route, logins and refreshes.
    Requests,
    /// A store with a million sessions beside one with a thousand.
    #[value(name = "sessions-1m")]
    Sessions1m,
    /// The process: how soon it is ready, and its memory when idle.
    Process,
}
