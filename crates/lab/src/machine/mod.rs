//! The machine: on which core a thread runs, who uses the processor, and what the report says of it.

pub mod affinity;
pub(crate) mod cpu_time;
pub(crate) mod description;
