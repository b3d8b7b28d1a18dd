//! Logs to standard error; standard output is for results.

use std::io;

use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::log_text::TextFormat;

/// The default levels. `token verify`, the one command that fetches keys, reports errors of that itself.
const DEFAULT_LEVELS: &str = "info,refinery_core=warn,counterfoil_verify=off";

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text for people: short and coloured on a terminal, with all fields elsewhere.
    Text,
    /// One JSON object per line.
    Json,
}

/// A layer that receives events and spans.
type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts to log at the configured `levels`, else at those of `RUST_LOG`, else at the default ones. The trace exporter
/// receives all spans at any level.
pub(crate) fn start(format: LogFormat, levels: Option<&str>, trace_exporter: Option<BoxedLayer>) {
    let variable = || std::env::var("RUST_LOG").ok().filter(|text| !text.trim().is_empty());
    let text = levels.map(str::to_owned).or_else(variable);
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
    let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
    match format {
        LogFormat::Text => {
            let text = if is_terminal { TextFormat::Short } else { TextFormat::Full };
            layer.with_ansi(is_terminal && !is_colour_refused()).event_format(text).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

/// Whether the environment refuses colours (<https://no-color.org>).
fn is_colour_refused() -> bool {
    let is_set = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_set || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

fn default_levels() -> Targets {
    parse_levels(DEFAULT_LEVELS).expect("the default levels are valid")
}

/// Parses levels in the syntax of `RUST_LOG`: `info`, or `warn,counterfoil=debug`. Filters by span or by field are not
/// supported.
///
/// # Errors
///
/// What is wrong with the text.
pub(crate) fn parse_levels(text: &str) -> Result<Targets, String> {
    // An empty part would be read as the level `error` for all targets.
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    // A single word that is not a level would be read as a target, and every other line would be lost.
    let is_unknown = |part: &&&str| !part.contains('=') && part.parse::<LevelFilter>().is_err();
    if let Some(part) = parts.iter().find(is_unknown) {
        let levels = "`off`, `error`, `warn`, `info`, `debug`, `trace`";
        return Err(format!(
            "{part:?} is not one of {levels}, nor a target with one of them, like `hyper=warn`"
        ));
    }
    parts.join(",").parse().map_err(|error: ParseError| error.to_string())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_applies_to_its_target_and_below() {
        let levels = parse_levels("warn,counterfoil::requests=info").unwrap();

        assert!(levels.would_enable("counterfoil::requests", &Level::INFO));
        assert!(!levels.would_enable("counterfoil::requests", &Level::DEBUG));
        assert!(levels.would_enable("hyper", &Level::WARN) && !levels.would_enable("hyper", &Level::INFO));
    }

    #[test]
    fn spaces_and_empty_parts_are_ignored() {
        assert_eq!(parse_levels(" warn, hyper=debug,").unwrap(), parse_levels("warn,hyper=debug").unwrap());
        assert!(parse_levels("hyper=very=loud").is_err());
    }

    #[test]
    fn a_word_that_is_not_a_level_is_refused() {
        for text in
            ["warning", "WARNING", "err", "verbose", "critical", "info;debug", "info,hyper", "a=warning"]
        {
            let error = parse_levels(text).expect_err(text);
            assert!(text == "a=warning" || error.contains("`warn`"), "{error}");
        }
        for text in ["warn", "WARN", "off", "trace", "hyper=off", "3"] {
            assert!(parse_levels(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_default_levels_are_valid() {
        assert!(default_levels().would_enable("counterfoil", &Level::INFO));
        assert!(!default_levels().would_enable("refinery_core", &Level::INFO));
    }
}
