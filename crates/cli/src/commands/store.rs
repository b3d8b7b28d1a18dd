//! `counterfoil store`: moves a store to another back end, and checks it.

use clap::Subcommand;

use crate::configuration::Configuration;
use crate::error::CliError;

mod check;
mod copy;
mod location;
mod reopen;

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Copies a store to another database, with all logins, and has the copy take its place. No server may use either.
    /// If it is interrupted, the same command continues.
    Copy(copy::Options),
    /// Reads a whole store and lists what is wrong with it, also while a server runs. Changes nothing.
    Check(check::Options),
    /// Lets a store be used again after it was copied. The copy must not be used.
    Reopen(reopen::Options),
}

/// Runs a command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Copy(options) => copy::run(&options).await,
        Command::Check(options) => check::run(configuration, &options).await,
        Command::Reopen(options) => reopen::run(&options).await,
    }
}
