//! Exports the metrics as OpenMetrics text or as Prometheus text, on a separate listener.

mod credential_checks;
mod encoder;
mod exposition;
mod feed;
mod format;
mod listener;
mod password_hashing;
mod process;
mod registered_counters;
mod requests;
mod shared_cache;
mod store;

pub use listener::serve;
