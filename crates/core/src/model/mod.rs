//! Our half: the records. Each judges only itself, and none knows a store.

pub mod admin_key;
pub mod audit_event;
pub mod client;
pub mod key;
pub mod session;
pub mod user;
