//! Backups of the store, the rollback guard, and the last-seen times of sessions.

pub(crate) mod backup;
pub(crate) mod last_seen;
pub(crate) mod rollback_guard;
