//! The thread pool that hashes passwords, and the list of breached passwords.

pub(crate) mod breached;
pub(crate) mod breached_builder;
mod delayed_refusals;
mod fair_queue;
pub(crate) mod hash_pool;
pub(crate) mod hash_queue;
pub(crate) mod scheme_scan;
mod scheme_times;
