//! The database file: creating, locking, checking, opening, copying and replacing it.

pub(crate) mod atomic_replace;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod connection;
mod create;
pub(crate) mod file_lock;
pub(crate) mod header;
pub(crate) mod lock_owner;
pub(crate) mod open;
pub(crate) mod sync_after_crash;
