//! Quotas per client IP: connections and the memory of request bodies.

pub(crate) mod body_memory;
pub(crate) mod connections;
pub(crate) mod quota;
