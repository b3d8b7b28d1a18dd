//! What the project does with itself: `cargo xtask test`, `picture`, `deps`, `threats`, `bench`, `soak`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod deps;
mod judges;
mod licence;
mod packages;
mod picture;
mod soak;
mod test;
mod threats;
mod verification;
mod workspace;

/// Chores of the project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Sets up what the tests need and runs all of them.
    Test(test::Options),
    /// Measures functions, files and comments, and refuses import circles.
    Picture(picture::Options),
    /// Checks what we depend on: bans, licences, the size of the verifier.
    Deps,
    /// Checks that each test that the threat model names is there, and tells what is still open.
    Threats,
    /// Measures Counterfoil beside a bare axum application.
    Bench(bench::Options),
    /// Puts the server through crashes, failing disks, storms and slow clients, at length.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Picture(options) => picture::run(&options),
        Chore::Deps => deps::run(),
        Chore::Threats => threats::run(),
        Chore::Bench(options) => bench::run(&options),
        Chore::Soak(options) => soak::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason:#}");
            ExitCode::FAILURE
        }
    }
}
