//! `counterfoil token`: looks into tokens, judges them, mints them.

mod inspect;
mod mint;
mod verdict;
mod verify;

use std::io::{self, Read as _};

use clap::Subcommand;

use crate::common::Flags;
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::secret_input::without_newline;

/// The most that is read from standard input; a token is far smaller.
const LONGEST: u64 = 64 * 1024;

/// What to do with a token.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what a token says about itself, and what is wrong with it. Nothing is verified.
    Inspect(inspect::Inspect),
    /// Judges an access token as a service would that takes it: accepted, or why not. --issuer says whose it is to be.
    Verify(verify::Verify),
    /// Mints an access token for a user or a machine. It is journalled.
    Mint(mint::Mint),
}

/// Runs the command.
pub(crate) async fn run(common: &Configuration, flags: &Flags, command: Command) -> Result<(), Fault> {
    match command {
        Command::Inspect(options) => options.run(),
        Command::Verify(options) => options.run(flags.issuer.as_deref()).await,
        Command::Mint(options) => options.run(common).await,
    }
}

/// The token that was typed, or what stands at standard input if that is `-`.
fn text_of(typed: String) -> Result<String, Fault> {
    if typed != "-" {
        return Ok(typed);
    }
    let mut text = String::new();
    let read = io::stdin().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| Fault::because("the token cannot be read", &error))?;
    Ok(without_newline(text))
}
