//! The log: to standard error, so that standard output stays for answers.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::common::LogFormat;

/// What is of interest to an operator. The one command that follows another issuer tells itself how that went.
const USUAL: &str = "info,refinery_core=warn,counterfoil_verify::follow=off";

/// Begins to log as much as was `asked` for, or else as `RUST_LOG` says.
pub(crate) fn start(format: LogFormat, asked: Option<&str>) {
    let asked = asked.map(str::to_owned).or_else(|| std::env::var("RUST_LOG").ok());
    let filter = asked.and_then(|text| levels(&text).ok()).unwrap_or_else(|| EnvFilter::new(USUAL));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
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
