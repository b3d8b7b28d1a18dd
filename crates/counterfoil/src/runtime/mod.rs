//! Background tasks and panics.

pub(crate) mod panics;
pub(crate) mod task;
