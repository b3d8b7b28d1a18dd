//! `counterfoil clock`: accepts a clock jump.

use clap::{Args, Subcommand};
use counterfoil::operator::{self, AcceptedClockResponse};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::print_line;
use crate::table::rfc3339;

/// The commands for the clock.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Accepts the system clock as correct: after a forward jump that the server does not trust yet, or if the store
    /// was last used with a clock that was ahead.
    Accept(AcceptOptions),
}

/// The options of `clock accept`.
#[derive(Args)]
pub(crate) struct AcceptOptions {
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Accept(_) => accept(configuration).await,
    }
}

async fn accept(configuration: &Configuration) -> Result<(), CliError> {
    let answer: AcceptedClockResponse = execute(configuration, operator::Command::ClockAccept {}).await?;
    print_line(&format!("accepted {}", rfc3339(answer.wall)))?;
    if answer.restart_required {
        eprintln!("hint: restart the server; until then it uses the time {}", rfc3339(answer.now));
    }
    Ok(())
}
