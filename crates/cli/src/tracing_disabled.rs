//! Replaces the export of traces in a build without the feature `otel`.

use std::env;

use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry};

/// The variables that would set the collector.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Exports no traces.
#[derive(Debug, Default)]
pub(crate) struct TraceExport {
    /// The variable that asks for traces.
    ignored_variable: Option<&'static str>,
}

impl TraceExport {
    /// Only checks whether the environment asks for traces.
    pub(crate) fn start(_: &Handle) -> Self {
        Self {
            ignored_variable: ENDPOINTS
                .into_iter()
                .find(|name| env::var_os(name).is_some_and(|value| !value.is_empty())),
        }
    }

    /// No layer.
    pub(crate) fn layer(&self) -> Option<Box<dyn Layer<Registry> + Send + Sync>> {
        None
    }

    /// Logs a warning if the environment asks for traces.
    pub(crate) fn log_start_error(&self) {
        if let Some(variable) = self.ignored_variable {
            tracing::warn!(variable, "no traces are sent: this program was built without the feature `otel`");
        }
    }

    /// Does nothing.
    pub(crate) fn shut_down(&self) {}
}
