//! The machine: on which core a thread runs, who uses the processor, the memory of a process, and what the report says of it.

pub mod affinity;
pub(crate) mod cpu_time;
pub(crate) mod description;
pub(crate) mod memory;
