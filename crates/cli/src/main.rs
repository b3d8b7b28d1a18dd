//! The command line: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::configuration::Common;
use crate::fault::Fault;

mod arguments;
mod commands;
mod common;
mod configuration;
mod fault;
mod logging;
mod operate;
mod printable;
mod progress;
mod secret_input;
mod show;
mod signals;
mod when;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report(),
    }
}

fn run(arguments: Arguments) -> Result<(), Fault> {
    let common = Common::read(&arguments.flags);
    logging::start(common.log, common.log_level.as_deref());
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Fault::because("the system gives no threads", &error))?;
    runtime.block_on(commands::run(&common, arguments))
}
