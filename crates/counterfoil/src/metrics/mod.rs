//! Exports the metrics as OpenMetrics text, on a separate listener.

mod encoder;
mod exposition;
mod listener;
mod process;

pub use listener::serve;
