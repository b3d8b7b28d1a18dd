//! The machine: on which core a thread runs, who uses the processor, and the memory of a process.

pub mod affinity;
pub mod cpu_time;
pub mod memory;
