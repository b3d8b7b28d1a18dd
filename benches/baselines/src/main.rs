//! Verifying one access token: the bare primitive, ours, and `jsonwebtoken`, turn by turn in one process.
//!
//! Figures drift on a shared machine. Each round times all three of an algorithm, one behind the other, and a row
//! shows the median of the ratios within a round. With `count`, one of them is done a number of times and nothing
//! else: for a tool that counts instructions, of which two runs with different numbers tell what one costs.

mod contest;
mod theirs;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use counterfoil_jose::Algorithm;

use crate::contest::{Contest, Who};

/// How many rounds; a median wants an odd number.
const ROUNDS: usize = 31;
/// How long one of the three is timed in a round.
const TURN: Duration = Duration::from_millis(12);

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Verifies with one of them, so many times.
    Count {
        /// The algorithm, as in a header.
        algorithm: String,
        /// Who verifies.
        who: Who,
        /// How often.
        times: u32,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        None => compare(),
        Some(Command::Count { algorithm, who, times }) => {
            let algorithm: Algorithm = algorithm.parse().ok().context("an unknown algorithm")?;
            let contest = Contest::new(algorithm)?;
            counted(&contest, who, times);
            Ok(())
        }
    }
}

/// What is counted, and nothing else: its name is what the tool looks for.
#[inline(never)]
fn counted(contest: &Contest, who: Who, times: u32) {
    for _ in 0..times {
        black_box(contest.verify(who));
    }
}

fn compare() -> Result<()> {
    println!(
        "{:<10} {:>10} {:>10} {:>14} {:>10} {:>14}",
        "", "raw ns", "ours ns", "jsonwebtoken", "ours/raw", "theirs/ours"
    );
    for algorithm in Algorithm::ALL.into_iter().filter(|&algorithm| algorithm != Algorithm::EdDsa) {
        let contest = Contest::new(algorithm)?;
        let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| Who::ALL.map(|who| if contest.knows(who) { time(&contest, who) } else { f64::NAN }))
            .collect();
        // The first warms up.
        rounds.remove(0);
        let median_of = |of: fn(&[f64; 3]) -> f64| median(rounds.iter().map(of).collect());
        let shown = |value: f64, digits: usize| {
            if value.is_nan() { "-".to_owned() } else { format!("{value:.digits$}") }
        };
        println!(
            "{:<10} {:>10} {:>10} {:>14} {:>10} {:>14}",
            algorithm.as_str(),
            shown(median_of(|round| round[0]), 0),
            shown(median_of(|round| round[1]), 0),
            shown(median_of(|round| round[2]), 0),
            shown(median_of(|round| round[1] / round[0]), 3),
            shown(median_of(|round| round[2] / round[1]), 2),
        );
    }
    Ok(())
}

/// Nanoseconds for one verification.
fn time(contest: &Contest, who: Who) -> f64 {
    let (start, mut times) = (Instant::now(), 0_u32);
    while start.elapsed() < TURN {
        for _ in 0..8 {
            black_box(contest.verify(who));
        }
        times += 8;
    }
    start.elapsed().as_nanos() as f64 / f64::from(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
