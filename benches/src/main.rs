//! Counterfoil beside a bare axum application: the same process, the same route, the same run.
//!
//! Figures drift from minute to minute on a shared machine, so nothing here is absolute: each round measures
//! every row, and a row is judged by the median of its ratios within a round. Processor time of the server for
//! each request is shown beside, which does not depend on how fast the client is.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod answer;
mod binary;
mod fill;
mod load;
mod many;
mod options;
mod pin;
mod process;
mod raw;
mod report;
mod requests;
mod rounds;
mod seed;
mod server;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures everything and prints it side by side.
    Run(options::Options),
    /// The server that is measured; ends when its standard input does.
    #[command(hide = true)]
    Serve(server::Options),
    /// A primitive on its own, on the server's core.
    #[command(hide = true)]
    Raw(raw::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Run(options) => rounds::run(&options),
        Command::Serve(options) => server::run(&options),
        Command::Raw(options) => raw::run(&options),
    }
}
