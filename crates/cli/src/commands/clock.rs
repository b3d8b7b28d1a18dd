//! `counterfoil clock`: what the clock could not settle by itself.

use clap::Subcommand;
use counterfoil::operator;

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::table;

/// What to do with the clock.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Takes the clock of this machine for right: after a leap that a server does not trust yet, or if the
    /// store was last used by a clock that was ahead.
    Accept,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Accept => accept(common).await,
    }
}

async fn accept(common: &Configuration) -> Result<(), CliError> {
    let answer = execute(common, operator::Command::ClockAccept {}).await?;
    table::print_line(&format!("accepted {}", table::time(&answer, "wall")))?;
    if answer["restart"] == true {
        eprintln!("hint: restart the server; until then it goes by {}", table::time(&answer, "now"));
    }
    Ok(())
}
