//! Disk faults: traces the file operations of the server, makes calls fail, and rebuilds the disk after a
//! power loss.

pub mod failure;
mod file;
pub mod replay;
pub mod shim;
pub mod trace;
pub mod unsynced;
