//! The arguments: all commands and options.

use clap::{Parser, Subcommand};

use crate::commands::{
    admin_key, audit, backup, check, client, clock, completions, init, key, passwords, restore, revoke,
    session, token, user,
};
use crate::flags::Flags;

/// An authentication server with sessions, JWTs, and a hybrid of both.
#[derive(Parser)]
#[command(name = "counterfoil", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves a temporary store with a demo user on loopback, and prints a script to try. Of the common options
    /// only --listen and --log-format have an effect.
    Dev,
    /// Serves the store of the data directory; creates both at the first start.
    Serve,
    /// Asks a few questions, recommends a mode for each kind of client, and writes the commented configuration.
    Init(init::Options),
    /// Validates the configuration and reports warnings, without changing anything.
    Check(check::Options),
    /// Prints the completion script for a shell.
    Completions(completions::Options),
    /// Adds, lists, changes, imports and deletes users.
    #[command(subcommand)]
    User(user::Command),
    /// Lists and revokes sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Adds, lists and changes client applications.
    #[command(subcommand)]
    Client(client::Command),
    /// Creates, lists and removes admin keys, which programs use for the administration API.
    #[command(subcommand)]
    AdminKey(admin_key::Command),
    /// Lists, rotates, imports and revokes signing keys, and replaces the master key.
    #[command(subcommand)]
    Key(key::Command),
    /// Shows the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Revokes a session, an access token, a key, or all credentials of a user, of a client or of everyone.
    Revoke(revoke::Options),
    /// Inspects, verifies and mints tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Builds and checks lists of breached passwords.
    #[command(subcommand)]
    Passwords(passwords::Command),
    /// Prints the OpenAPI document.
    Openapi,
    /// Writes a consistent copy of the store to a file, also while a server runs.
    Backup(backup::Options),
    /// Replaces the store by a backup. All users are logged out, and all credentials in the backup are revoked.
    Restore(restore::Options),
    /// Accepts a clock jump after an operator has checked it.
    #[command(subcommand)]
    Clock(clock::Command),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
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
            "audit list --session -1Hz --user -_6L --json",
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
