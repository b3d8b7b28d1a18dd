//! Other libraries, for comparison. The command `sessions` runs an application with tower-sessions.
//!
//! Without a command it verifies one access token with the bare primitive, `counterfoil-verify` and `jsonwebtoken`, interleaved in
//! one process.
//!
//! Times on a shared machine change from minute to minute. Each iteration times all three implementations of
//! an algorithm one after the other, and a row shows the median of the ratios within an iteration. The
//! command `count` only runs one implementation a number of times, for a tool that counts instructions.

mod comparison;
mod jsonwebtoken;
mod sessions;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use counterfoil_jose::Algorithm;

use crate::comparison::{Comparison, Implementation};

/// The number of iterations. The first one only warms up.
const ITERATIONS: usize = 32;
/// How long one implementation is timed in an iteration.
const TIME_SLICE: Duration = Duration::from_millis(12);

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Verifies a token with one implementation, a number of times.
    Count {
        /// The algorithm, as in a JOSE header.
        algorithm: String,
        /// The implementation.
        implementation: Implementation,
        /// The number of verifications.
        times: u32,
    },
    /// Serves an application with tower-sessions until its standard input ends.
    Sessions {
        /// Where the sessions are stored: `redis://HOST:PORT`, or the file of an SQLite database.
        store: String,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        None => compare(),
        Some(Command::Count { algorithm, implementation, times }) => {
            let algorithm: Algorithm = algorithm.parse().ok().context("unknown algorithm")?;
            let comparison = Comparison::new(algorithm)?;
            counted_verifications(&comparison, implementation, times);
            Ok(())
        }
        Some(Command::Sessions { store }) => sessions::run(&store),
    }
}

/// The code whose instructions are counted. The counting tool finds it by `counted` in its name.
#[inline(never)]
fn counted_verifications(comparison: &Comparison, implementation: Implementation, times: u32) {
    for _ in 0..times {
        black_box(comparison.verify(implementation));
    }
}

/// Prints one row for each algorithm.
fn compare() -> Result<()> {
    println!(
        "{:<10} {:>12} {:>14} {:>15} {:>22} {:>25}",
        "",
        "primitive ns",
        "counterfoil ns",
        "jsonwebtoken ns",
        "counterfoil/primitive",
        "jsonwebtoken/counterfoil"
    );
    for algorithm in Algorithm::ALL.into_iter().filter(|&algorithm| algorithm != Algorithm::EdDsa) {
        let comparison = Comparison::new(algorithm)?;
        let mut iterations: Vec<[f64; 3]> =
            (0..ITERATIONS).map(|_| Implementation::ALL.map(|one| time(&comparison, one))).collect();
        iterations.remove(0);
        let median_of = |value: fn(&[f64; 3]) -> f64| median(iterations.iter().map(value).collect());
        println!(
            "{:<10} {:>12} {:>14} {:>15} {:>22} {:>25}",
            algorithm.as_str(),
            format_number(median_of(|times| times[0]), 0),
            format_number(median_of(|times| times[1]), 0),
            format_number(median_of(|times| times[2]), 0),
            format_number(median_of(|times| times[1] / times[0]), 3),
            format_number(median_of(|times| times[2] / times[1]), 2),
        );
    }
    Ok(())
}

fn format_number(value: f64, digits: usize) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.digits$}") }
}

/// Nanoseconds for one verification; NaN if the implementation does not support the algorithm.
fn time(comparison: &Comparison, implementation: Implementation) -> f64 {
    if !comparison.supports(implementation) {
        return f64::NAN;
    }
    let (started, mut times) = (Instant::now(), 0_u32);
    while started.elapsed() < TIME_SLICE {
        for _ in 0..8 {
            black_box(comparison.verify(implementation));
        }
        times += 8;
    }
    started.elapsed().as_nanos() as f64 / f64::from(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
