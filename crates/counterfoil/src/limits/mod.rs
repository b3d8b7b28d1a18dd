//! Quotas per client IP (connections, the memory of request bodies), rate limits of changes, of introspection, of forward
//! authentication and of warnings, the number of open event streams, and the detection of proxies whose clients share one IP.

pub(crate) mod admission;
pub(crate) mod body_memory;
pub(crate) mod connection_activity;
mod connection_table;
#[cfg(feature = "server")]
pub(crate) mod connections;
#[cfg(feature = "admin")]
pub(crate) mod doctor_rate;
pub(crate) mod forward_auth_rate;
pub(crate) mod introspection_rate;
pub(crate) mod open_streams;
pub(crate) mod quota;
pub(crate) mod untrusted_proxies;
pub(crate) mod warning_rate;
pub(crate) mod write_rate;
