//! Quotas per client IP (connections, the memory of request bodies) and rate limits of changes.

pub(crate) mod admission;
pub(crate) mod body_memory;
pub(crate) mod connection_activity;
mod connection_table;
pub(crate) mod connections;
pub(crate) mod quota;
pub(crate) mod write_rate;
