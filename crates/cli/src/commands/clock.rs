//! `counterfoil clock`: accepts a clock jump.

use clap::{Args, Subcommand};
use counterfoil::operator::{self, AcceptedClockResponse};

use crate::admin_client::execute;
use crate::configuration::Configuration;
use crate::configuration::flags::StoreOptions;
use crate::error::CliError;
use crate::output::{print_json, print_line};
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
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Accept(options) => accept(configuration, &options).await,
    }
}

async fn accept(configuration: &Configuration, options: &AcceptOptions) -> Result<(), CliError> {
    let answer: AcceptedClockResponse = execute(configuration, operator::Command::ClockAccept {}).await?;
    if options.json {
        return print_json(&answer);
    }
    print_line(&format!("accepted {}", rfc3339(answer.wall)))?;
    if answer.restart_required {
        eprintln!("hint: restart the server; until then it uses the time {}", rfc3339(answer.now));
    }
    Ok(())
}
