//! The SQL of each table: reads and writes of its rows. No decisions are made here.

pub(crate) mod admin_keys;
pub(crate) mod audit_events;
pub(crate) mod clients;
pub(crate) mod columns;
pub(crate) mod counters;
pub(crate) mod job_locks;
pub(crate) mod keys;
pub(crate) mod metadata;
pub(crate) mod nodes;
pub(crate) mod pending_session_ends;
pub(crate) mod purge;
pub(crate) mod revocation_log;
pub(crate) mod session_data;
pub(crate) mod sessions;
pub(crate) mod status_indexes;
pub(crate) mod users;
pub(crate) mod verifier_keys;
pub(crate) mod writers;
