//! Files that hold secrets, and files that are written completely or not at all. Which files are opened, replaced and
//! refused is decided by `counterfoil-files`.

pub(crate) mod atomic_write;
pub(crate) mod secret_file;
