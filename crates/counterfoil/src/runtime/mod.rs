//! Background tasks, panics and error chains.

pub(crate) mod error_chain;
pub(crate) mod panics;
pub(crate) mod task;
#[cfg(test)]
pub(crate) mod test_log;
