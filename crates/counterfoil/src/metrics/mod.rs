//! Exports the metrics as OpenMetrics text or as Prometheus text, on a separate listener.

mod encoder;
mod exposition;
mod format;
mod listener;
mod process;
mod shared_cache;

pub use listener::serve;
