//! The log: to standard error, so that standard output stays for answers.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::common::LogFormat;
use crate::configuration::Common;

/// What is of interest to an operator.
const USUAL: &str = "info,refinery_core=warn";

/// Begins to log what the configuration asks for, or else `RUST_LOG`.
pub(crate) fn start(common: &Common) {
    let asked = common.log_level.clone().or_else(|| std::env::var("RUST_LOG").ok());
    let filter = asked.and_then(|text| levels(&text).ok()).unwrap_or_else(|| EnvFilter::new(USUAL));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match common.log {
        LogFormat::Text => subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_span_list(false).init(),
    }
}

/// Reads levels as `RUST_LOG` has them: `info`, or `warn,counterfoil=debug`.
///
/// # Errors
///
/// If it is none of that.
pub(crate) fn levels(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(text)
}
