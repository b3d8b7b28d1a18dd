//! Exports the metrics as OpenMetrics text or as Prometheus text, on a separate listener.

mod encoder;
mod exposition;
mod format;
mod listener;
mod process;

pub use listener::serve;
