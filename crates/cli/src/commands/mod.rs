//! Runs each command; one file for each group.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::error::CliError;

pub(crate) mod admin_key;
pub(crate) mod audit;
mod audit_follow;
mod audit_table;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod demo;
mod demo_user;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod lab;
mod named_key;
pub(crate) mod node;
mod openapi;
pub(crate) mod pages;
pub(crate) mod pagination;
pub(crate) mod passwords;
pub(crate) mod rate_limit;
pub(crate) mod restore;
pub(crate) mod revoke;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod user_import;
pub(crate) mod verifier;

/// Runs the command.
pub(crate) async fn run(configuration: &Configuration, arguments: Arguments) -> Result<(), CliError> {
    match arguments.command {
        Command::Dev(options) => dev::run(configuration, &options).await,
        Command::Demo(options) => demo::run(&options).await,
        Command::Compare(options) => compare::run(options).await,
        Command::Lab(options) => lab::run(options).await,
        Command::Serve(_) => serve::run(configuration).await,
        Command::Init(options) => init::run(&options),
        Command::Check(options) => check::run(configuration, &options).await,
        Command::Doctor(options) => doctor::run(configuration, options).await,
        Command::Completions(options) => completions::run(&options, Arguments::command()),
        Command::User(command) => user::run(configuration, command).await,
        Command::Session(command) => session::run(configuration, command).await,
        Command::Client(command) => client::run(configuration, command).await,
        Command::AdminKey(command) => admin_key::run(configuration, command).await,
        Command::Verifier(command) => verifier::run(configuration, command).await,
        Command::Node(command) => node::run(configuration, command).await,
        Command::Key(command) => key::run(configuration, command).await,
        Command::Audit(command) => audit::run(configuration, command).await,
        Command::RateLimit(command) => rate_limit::run(configuration, command).await,
        Command::Revoke(options) => revoke::run(configuration, options).await,
        Command::Token(command) => token::run(configuration, command).await,
        Command::Passwords(command) => passwords::run(command),
        Command::Pages(command) => pages::run(&command),
        Command::Openapi => openapi::run(),
        Command::Backup(options) => backup::run(configuration, options).await,
        Command::Restore(options) => restore::run(configuration, options).await,
        Command::Store(command) => store::run(configuration, command).await,
        Command::Clock(command) => clock::run(configuration, command).await,
    }
}
