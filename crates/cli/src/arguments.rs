//! What may be typed.

use clap::{Parser, Subcommand};

use crate::commands::{
    admin_key, backup, check, client, clock, completions, event, init, key, passwords, restore, revoke,
    session, token, user,
};
use crate::common::Flags;

/// Sessions, JWTs and the hybrid from one login.
#[derive(Parser)]
#[command(name = "counterfoil", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves a throw-away store with a demo user on loopback, and prints what to try. Of the common options
    /// only --listen and --log-format have an effect.
    Dev,
    /// Serves the store of the data directory; makes both at the first start.
    Serve,
    /// Asks a few questions, recommends a mode for each kind of client, and writes the commented configuration.
    Init(init::Options),
    /// Validates the configuration and reports warnings, without changing anything.
    Check(check::Options),
    /// Prints the completions for a shell.
    Completions(completions::Options),
    /// Adds users, lists them, changes what they may do.
    #[command(subcommand)]
    User(user::Command),
    /// Lists and ends sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Adds, lists and changes the applications that people log in through.
    #[command(subcommand)]
    Client(client::Command),
    /// Makes, lists and removes the keys that programs administer with.
    #[command(subcommand)]
    AdminKey(admin_key::Command),
    /// Lists, rotates and revokes the keys that sign.
    #[command(subcommand)]
    Key(key::Command),
    /// Shows the journal.
    #[command(subcommand)]
    Event(event::Command),
    /// Revokes a session, all of a user, of a client or of everyone so far, an access token, or a key.
    Revoke(revoke::Options),
    /// Looks into tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Makes and checks lists of breached passwords.
    #[command(subcommand)]
    Passwords(passwords::Command),
    /// Prints the OpenAPI document.
    Openapi,
    /// Writes a consistent copy of the store to a new file, also while a server runs.
    Backup(backup::Options),
    /// Puts a backup in the place of the store. Everybody is logged out, and what the backup had given is revoked.
    Restore(restore::Options),
    /// Settles what the clock could not settle by itself.
    #[command(subcommand)]
    Clock(clock::Command),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_id_may_begin_with_a_hyphen() {
        for line in [
            "session revoke -1Hz",
            "session revoke --user -_6L",
            "session revoke --user ada",
            "session list -1Hz --json",
            "key revoke -_6L",
            "admin-key remove -1Hz",
            "user disable -1Hz",
            "event list --session -1Hz --user -_6L --json",
        ] {
            let parsed = Arguments::try_parse_from(["counterfoil"].into_iter().chain(line.split(' ')));
            assert!(
                parsed.is_ok(),
                "{line}: {}",
                parsed.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
        assert!(Arguments::try_parse_from(["counterfoil", "session", "list", "ada", "--jsom"]).is_err());
    }
}
