//! A cache of active sessions in Redis or Valkey, which several processes share. The sessions themselves are in the store.
//!
//! ```text
//!   find    ->  link  ->  Redis        one GET, at most 100 ms; nothing is waited for while there is no connection
//!   insert  ->  queue ->  link         in the background: a script that refuses a lower revision
//!               task  ->  link         connects, checks the connection, reads the URL again
//! ```
//!
//! `value` is the form of a session in Redis, with a MAC under a key of the installation. Nothing in this crate decides whether
//! a session is valid: [`SharedSessions`](counterfoil_core::store::session_cache::shared::SharedSessions) does.

mod background_writes;
mod breaker;
mod cache;
mod cluster_diagnosis;
mod connect_error;
mod connection;
mod link;
mod url;
mod value;
mod value_bytes;

pub use cache::RedisSessionCache;
pub use url::{RedisUrl, UrlError};
