//! Background tasks, the count of panics, and captured logs for tests.

pub(crate) mod panics;
pub(crate) mod task;
#[cfg(test)]
pub(crate) mod test_log;
