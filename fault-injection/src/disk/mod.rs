//! Between a program and its disk: what it wrote and synced, what of it a loss of power leaves, and what fails.

pub mod record;
pub mod replay;
pub mod shim;
