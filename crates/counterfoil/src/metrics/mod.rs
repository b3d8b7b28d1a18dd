//! The metrics: the page that tells what was counted, and the listener that serves it and nothing else.

mod encoder;
mod exposition;
mod listener;
mod process;

pub use listener::serve;
