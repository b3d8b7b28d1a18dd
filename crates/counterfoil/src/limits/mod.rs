//! Quotas per client IP: connections and the memory of request bodies.

pub(crate) mod admission;
pub(crate) mod body_memory;
pub(crate) mod connection_activity;
mod connection_table;
pub(crate) mod connections;
pub(crate) mod quota;
