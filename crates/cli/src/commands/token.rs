//! `counterfoil token`: inspects, verifies and mints tokens.

use std::path::Path;

use clap::Subcommand;
use counterfoil::operator::inspection::copied_token;

use crate::configuration::Configuration;
use crate::error::CliError;
use crate::input_file::read_text;

mod inspect;
mod mint;
mod report;
mod verify;

/// The most bytes that are read from standard input; a token is much shorter.
const MAX_INPUT: u64 = 64 * 1024;

/// The commands for tokens.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows the content of a token and what is wrong with it, and checks its signature if a key is given; the exit status
    /// is 1 if it is not valid.
    Inspect(inspect::InspectOptions),
    /// Verifies an access token: by the issuer on this machine, or as a resource server does.
    Verify(verify::VerifyOptions),
    /// Mints an access token for a user or a machine, and records it in the audit log.
    Mint(mint::MintOptions),
}

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, command: Command) -> Result<(), CliError> {
    match command {
        Command::Inspect(options) => options.run(),
        Command::Verify(options) => options.run(configuration).await,
        Command::Mint(options) => options.run(configuration).await,
    }
}

/// The token from the argument, or from standard input if the argument is `-`; also a copied `Authorization` header.
fn read_token(argument: &str) -> Result<String, CliError> {
    if argument != "-" {
        return Ok(copied_token(argument).to_owned());
    }
    let text = read_text(Path::new("-"), MAX_INPUT)?;
    Ok(copied_token(text.expose()).to_owned())
}
