//! The command line: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::traces::Traces;

mod arguments;
#[cfg(feature = "otel")]
mod collector;
mod commands;
mod common;
mod configuration;
mod datetime;
mod fault;
mod logging;
mod operate;
mod printable;
mod progress;
mod secret_input;
mod show;
mod signals;
#[cfg_attr(not(feature = "otel"), path = "untraced.rs")]
mod traces;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report(),
    }
}

fn run(arguments: Arguments) -> Result<(), Fault> {
    let common = Configuration::read(&arguments.flags);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::because("the system gives no threads", &error))?;
    let is_server = matches!(arguments.command, Command::Serve | Command::Dev);
    let traces = if is_server { Traces::start(runtime.handle()) } else { Traces::default() };
    logging::start(common.log_format, common.log_level.as_deref(), traces.layer());
    traces.complain();
    let done = runtime.block_on(commands::run(&common, arguments));
    traces.end();
    done
}
