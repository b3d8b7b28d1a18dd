//! Our half: the records. Each judges only itself, and none knows a store.

pub mod admin_key;
pub mod client;
pub mod event;
pub mod key;
pub mod session;
pub mod user;
