//! Backups of the store, the rollback guard, the mark of a clean shutdown, and the last-seen times of sessions.

pub(crate) mod audit_log;
pub(crate) mod backup;
pub(crate) mod job_locks;
pub(crate) mod last_seen;
pub(crate) mod rollback_guard;
pub(crate) mod shutdown_mark;
