//! Exports the metrics as OpenMetrics text, on a listener of its own.

mod encoder;
mod exposition;
mod listener;
mod process;

pub use listener::serve;
