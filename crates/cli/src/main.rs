//! The command line: parses the arguments, runs the command, returns the exit status.

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::configuration::flags::Flags;
use crate::error::CliError;
use crate::trace_export::TraceExport;

mod admin_client;
mod argument_value;
mod arguments;
mod commands;
mod configuration;
mod confirmation;
mod datetime;
mod error;
mod escape;
mod input_file;
mod listeners;
mod log_text;
mod logging;
#[cfg(feature = "otel")]
mod otlp_client;
mod output;
mod progress;
mod secret_input;
mod signals;
mod standard_input;
mod table;
#[cfg_attr(not(feature = "otel"), path = "tracing_disabled.rs")]
mod trace_export;

fn main() -> ExitCode {
    let (arguments, flags) = match Arguments::parse_from(std::env::args_os()) {
        Ok(parsed) => parsed,
        Err(error) => error.exit(),
    };
    match run(arguments, &flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.print(),
    }
}

fn run(arguments: Arguments, flags: &Flags) -> Result<(), CliError> {
    let configuration = Configuration::read(flags);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::with_cause("cannot start threads", &error))?;
    let is_server = matches!(arguments.command, Command::Serve(_) | Command::Dev(_));
    let traces = if is_server { TraceExport::start(runtime.handle()) } else { TraceExport::default() };
    let quiet = match arguments.command {
        // The demo and the lab explain what happens themselves.
        Command::Demo(_) | Command::Lab(_) => Some("error"),
        // It stops servers that others still ask, and lets a store fail. What it does not expect is its own error.
        Command::Compare(_) => Some("off"),
        _ => None,
    };
    let levels = quiet.or(configuration.log_level.as_deref());
    logging::start(configuration.log_format, levels, traces.layer());
    traces.log_start_error();
    // `serve` logs these warnings and `check` lists them.
    if !matches!(arguments.command, Command::Serve(_) | Command::Check(_)) {
        for warning in configuration.renamed_variables() {
            eprintln!("warning: {warning}");
            if let Some(hint) = &warning.hint {
                eprintln!("hint: {hint}");
            }
        }
    }
    let result = runtime.block_on(commands::run(&configuration, arguments));
    traces.shut_down();
    result
}
