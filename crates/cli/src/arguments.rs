//! What may be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{backup, clock, session, token, user};

/// Sessions, JWTs and the hybrid from one login.
#[derive(Parser)]
#[command(name = "counterfoil", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args)]
pub(crate) struct Common {
    /// Where the store, the master key and the operator's socket are.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "COUNTERFOIL_DATA_DIR",
        default_value = "counterfoil-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// The store, if it is not in the data directory: `sqlite:FILE`.
    #[arg(long, global = true, value_name = "URL", env = "COUNTERFOIL_STORE")]
    pub(crate) store: Option<String>,
    /// The file of the master key, if it is not in the data directory. The key itself may be given in
    /// COUNTERFOIL_MASTER_KEY: 32 bytes as base64url.
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERFOIL_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Where to listen; port 0 takes any free one.
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        env = "COUNTERFOIL_LISTEN",
        default_value = "127.0.0.1:3000"
    )]
    pub(crate) listen: SocketAddr,
    /// In whose name tokens are issued: an https URL, or http on loopback. The address listened on unless said
    /// otherwise.
    #[arg(long, global = true, value_name = "URL", env = "COUNTERFOIL_ISSUER")]
    pub(crate) issuer: Option<String>,
    /// For how many seconds a spent refresh token is answered again.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "COUNTERFOIL_REFRESH_GRACE",
        default_value_t = 10
    )]
    pub(crate) refresh_grace: u32,
    /// Whether strangers may register.
    #[arg(long, global = true, env = "COUNTERFOIL_REGISTRATION", default_value = "open")]
    pub(crate) registration: Registration,
    /// How the log is written to standard error.
    #[arg(long, global = true, env = "COUNTERFOIL_LOG", default_value = "text")]
    pub(crate) log: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

/// Who may register over the network.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Registration {
    /// Anybody.
    Open,
    /// Nobody; users are added by `user add`.
    Closed,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves a throw-away store with a demo user on loopback, and prints what to try. Of the common options
    /// only --listen and --log count.
    Dev,
    /// Serves the store of the data directory; makes both at the first start.
    Serve,
    /// Adds and lists users.
    #[command(subcommand)]
    User(user::Command),
    /// Lists and ends sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Looks into tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Prints the OpenAPI document.
    Openapi,
    /// Writes a consistent copy of the store to a new file, also while a server runs.
    Backup(backup::Options),
    /// Settles what the clock could not settle by itself.
    #[command(subcommand)]
    Clock(clock::Command),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Arguments::command().debug_assert();
    }
}
