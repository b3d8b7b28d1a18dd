//! Counterfoil next to a bare axum application: the same process, the same route, the same run.
//!
//! Rates on a shared machine change from minute to minute, so only ratios are compared: each iteration
//! measures every row, and a row is assessed by the median of its ratios within an iteration. The server's
//! CPU time for each request does not depend on the speed of the client; it is shown next to the rates.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod before_and_after;
mod binary;
mod counted_requests;
mod empty_layer;
mod fill_store;
mod ids;
mod instructions;
mod iterations;
mod memory_connection;
mod million_sessions;
mod options;
mod pages;
mod primitives;
mod proxies;
mod report;
mod revocations;
mod row;
mod seed;
mod server;
mod server_process;
mod status_list;
mod stores;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the measurements and prints the results.
    Run(options::Options),
    /// Checks sessions through each store and cache, beside other servers.
    Stores(stores::options::Options),
    /// Sends requests through each proxy, with forward authentication and without.
    Proxies(proxies::options::Options),
    /// Counts the instructions of a request by callgrind. Rates need a quiet machine; this does not.
    Instructions(instructions::Options),
    /// Sends the requests that are counted.
    #[command(hide = true)]
    CountedRequests(counted_requests::Options),
    /// Runs the measured server until its standard input ends.
    #[command(hide = true)]
    Serve(server::Options),
    /// Measures a cryptographic primitive on the server's core.
    #[command(hide = true)]
    Primitive(primitives::Options),
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
        Command::Run(options) => iterations::run(&options),
        Command::Stores(options) => stores::run(&options),
        Command::Proxies(options) => proxies::run(&options),
        Command::Instructions(options) => instructions::run(&options),
        Command::CountedRequests(options) => counted_requests::run(&options),
        Command::Serve(options) => server::run(&options),
        Command::Primitive(options) => primitives::run(&options),
    }
}
