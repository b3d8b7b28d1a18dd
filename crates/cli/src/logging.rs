//! The log: to standard error, so that standard output stays for answers.

use std::io;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::common::LogFormat;

/// What is of interest to an operator. The one command that follows another issuer tells itself how that went.
const USUAL: &str = "info,refinery_core=warn,counterfoil_verify=off";

/// Something that listens to what the program does.
type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to log as much as was `asked` for, or else as `RUST_LOG` says. `traces` hear everything.
pub(crate) fn start(format: LogFormat, asked: Option<&str>, traces: Option<Listener>) {
    let asked = asked.map(str::to_owned).or_else(|| std::env::var("RUST_LOG").ok());
    let filter = asked.and_then(|text| levels(&text).ok()).unwrap_or_else(|| EnvFilter::new(USUAL));
    let log = log(format);
    match traces {
        // A filter for everybody is cheaper than one for each.
        None => tracing_subscriber::registry().with(log).with(filter).init(),
        Some(traces) => {
            tracing_subscriber::registry().with(vec![log.with_filter(filter).boxed(), traces]).init()
        }
    }
}

fn log(format: LogFormat) -> Listener {
    let layer = fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => layer.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
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
