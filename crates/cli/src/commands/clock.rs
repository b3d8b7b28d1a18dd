//! `counterfoil clock`: what the clock could not settle by itself.

use clap::Subcommand;
use counterfoil::operator;

use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show;

/// What to do with the clock.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Takes the clock of this machine for right: after a leap that a server does not trust yet, or if the
    /// store was last used by a clock that was ahead.
    Accept,
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, command: Command) -> Result<(), Fault> {
    match command {
        Command::Accept => accept(common).await,
    }
}

async fn accept(common: &Configuration) -> Result<(), Fault> {
    let answer = administer(common, operator::Command::ClockAccept {}).await?;
    show::say(&format!("accepted {}", show::time(&answer, "wall")))?;
    if answer["restart_required"] == true {
        eprintln!("hint: restart the server; until then it goes by {}", show::time(&answer, "now"));
    }
    Ok(())
}
