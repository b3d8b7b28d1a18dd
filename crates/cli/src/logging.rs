//! The log: to standard error, so that standard output stays for answers.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::common::LogFormat;

/// Begins to log what is of interest to an operator; `RUST_LOG` asks for more or less.
pub(crate) fn start(format: LogFormat) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,refinery_core=warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
