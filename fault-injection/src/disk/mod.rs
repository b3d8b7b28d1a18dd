//! Disk faults: traces file operations, makes calls fail, and rebuilds the disk after a power loss.

pub mod failure;
mod file;
pub mod replay;
pub mod shim;
pub mod trace;
pub mod unsynced;
