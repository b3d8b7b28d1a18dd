//! Files that hold secrets, and files that are written completely or not at all.

pub(crate) mod atomic_write;
pub(crate) mod new_file;
pub(crate) mod secret_file;
