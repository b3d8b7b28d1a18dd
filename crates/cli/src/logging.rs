//! Logs to standard error; standard output is for results.

use std::io;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// The default levels. `token verify`, the one command that fetches keys, reports errors of that itself.
const DEFAULT_LEVELS: &str = "info,refinery_core=warn,counterfoil_verify::follow=off";

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A layer that receives events and spans.
type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts to log at the configured `levels`, else at those of `RUST_LOG`, else at the default ones. The trace exporter
/// receives all spans at any level.
pub(crate) fn start(format: LogFormat, levels: Option<&str>, trace_exporter: Option<BoxedLayer>) {
    let text = levels.map(str::to_owned).or_else(|| std::env::var("RUST_LOG").ok());
    let levels = text.and_then(|text| parse_levels(&text).ok()).unwrap_or_else(default_levels);
    let log = log_layer(format);
    match trace_exporter {
        // One global filter is cheaper than a filter for each layer.
        None => tracing_subscriber::registry().with(log).with(levels).init(),
        Some(exporter) => {
            tracing_subscriber::registry().with(vec![log.with_filter(levels).boxed(), exporter]).init()
        }
    }
}

fn log_layer(format: LogFormat) -> BoxedLayer {
    let layer = fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => layer.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

fn default_levels() -> EnvFilter {
    parse_levels(DEFAULT_LEVELS).expect("the default levels are valid")
}

/// Parses levels in the syntax of `RUST_LOG`: `info`, or `warn,counterfoil=debug`.
///
/// # Errors
///
/// If the text is not valid.
pub(crate) fn parse_levels(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(text)
}
