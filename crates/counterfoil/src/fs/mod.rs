//! Files: secret files that only their owner reads, and files that are written whole or not at all.

pub(crate) mod new_file;
pub(crate) mod secret_file;
