//! The metrics: the page that tells what was counted, and the listener that serves it and nothing else.

mod door;
mod page;
mod process;
mod sheet;

pub use door::serve;
