//! What each command does; one file a group.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::fault::Fault;

pub(crate) mod admin_key;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod completions;
mod dev;
pub(crate) mod event;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod key;
mod openapi;
pub(crate) mod page;
pub(crate) mod passwords;
pub(crate) mod restore;
pub(crate) mod revoke;
mod serve;
pub(crate) mod session;
mod suspicion;
pub(crate) mod token;
mod tour;
pub(crate) mod user;

/// Does what was typed.
pub(crate) async fn run(common: &Configuration, arguments: Arguments) -> Result<(), Fault> {
    match arguments.command {
        Command::Dev => dev::run(common).await,
        Command::Serve => serve::run(common).await,
        Command::Init(options) => init::run(&options),
        Command::Check(options) => check::run(common, &options),
        Command::Completions(options) => completions::run(&options, Arguments::command()),
        Command::User(command) => user::run(common, command).await,
        Command::Session(command) => session::run(common, command).await,
        Command::Client(command) => client::run(common, command).await,
        Command::AdminKey(command) => admin_key::run(common, command).await,
        Command::Key(command) => key::run(common, command).await,
        Command::Event(command) => event::run(common, command).await,
        Command::Revoke(options) => revoke::run(common, options).await,
        Command::Token(command) => token::run(common, &arguments.flags, command).await,
        Command::Passwords(command) => passwords::run(command),
        Command::Openapi => openapi::run(),
        Command::Backup(options) => backup::run(common, options).await,
        Command::Restore(options) => restore::run(common, options).await,
        Command::Clock(command) => clock::run(common, command).await,
    }
}
