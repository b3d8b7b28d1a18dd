//! Backups and copies of the store, the rollback guard, the mark of a clean shutdown, the last-seen times of sessions, and this
//! process as one of several nodes.

pub(crate) mod audit_log;
pub(crate) mod backup;
#[cfg(feature = "admin")]
pub(crate) mod check;
#[cfg(feature = "admin")]
pub(crate) mod copy;
pub(crate) mod copy_mark;
pub(crate) mod job_locks;
pub(crate) mod last_seen;
pub(crate) mod node;
pub(crate) mod rollback_guard;
pub(crate) mod shutdown_mark;
