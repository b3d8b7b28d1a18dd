//! The options of a run.

use std::path::PathBuf;

use clap::Args;
use counterfoil_test_support::ProxyKind;

/// What to measure, for how long, and where the proxies are.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seconds each row is measured in each iteration.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// The number of iterations.
    #[arg(long, default_value_t = 5)]
    pub(crate) iterations: usize,
    /// The number of sessions, and of tokens, that requests present in turn.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) credentials: usize,
    /// The proxies; by default all that are installed.
    #[arg(long, value_delimiter = ',', value_parser = parse_kind)]
    pub(crate) only: Vec<ProxyKind>,
    /// The folder of the proxies that Debian does not have.
    #[arg(long)]
    pub(crate) packaged: Option<PathBuf>,
    /// Prints JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_kind(text: &str) -> Result<ProxyKind, String> {
    let names = ProxyKind::ALL.map(ProxyKind::name).join(", ");
    let found = ProxyKind::ALL.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| format!("it must be one of {names}"))
}
