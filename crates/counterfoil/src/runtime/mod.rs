//! Background tasks, bodies that they send, results that callers share, panics, error chains and a spare file descriptor.

pub(crate) mod error_chain;
pub(crate) mod panics;
pub(crate) mod recent_result;
pub(crate) mod shared_run;
pub(crate) mod spare_descriptor;
pub(crate) mod stream_body;
pub(crate) mod task;
