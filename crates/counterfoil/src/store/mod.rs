//! What stands around the store: backups, the guard against a rolled-back store, and the last use of sessions.

pub(crate) mod backup;
pub(crate) mod last_seen;
pub(crate) mod rollback_guard;
