//! The command line: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::error::CliError;
use crate::trace_export::TraceExport;

mod admin_client;
mod arguments;
mod commands;
mod configuration;
mod datetime;
mod error;
mod escape;
mod flags;
mod logging;
#[cfg(feature = "otel")]
mod otlp_client;
mod progress;
mod secret_input;
mod signals;
mod table;
#[cfg_attr(not(feature = "otel"), path = "tracing_disabled.rs")]
mod trace_export;

/// After how many tasks the runtime looks who has sent something. By itself it does so after 61: in a crowd of requests
/// that cost much, whoever asks for little would wait for all of these.
const GLANCE: u32 = 8;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fault.report(),
    }
}

fn run(arguments: Arguments) -> Result<(), CliError> {
    let common = Configuration::read(&arguments.flags);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(GLANCE)
        .build()
        .map_err(|error| CliError::with_cause("the system gives no threads", &error))?;
    let is_server = matches!(arguments.command, Command::Serve | Command::Dev);
    let traces = if is_server { TraceExport::start(runtime.handle()) } else { TraceExport::default() };
    logging::start(common.log_format, common.log_level.as_deref(), traces.layer());
    traces.complain();
    let done = runtime.block_on(commands::run(&common, arguments));
    traces.end();
    done
}
