//! The embedded store: SQLite, one owner, one writer, many readers.
//!
//! ```text
//!   commit, take, purge ->  queue  ->  writer   one thread, one transaction for all that is queued,
//!                                      |        one sync; then the witnesses, then the callers
//!   session, standing …  ->  readers   |        inline, on a few connections, from a snapshot each
//!                                 \    |
//!                                  auth.db      one process owns it; a second is refused
//! ```
//!
//! A file for each noun: `users`, `clients`, `sessions`, `keys`, `admin_keys`, `data`, `log`, `events`, `facts` and
//! `counters` hold the statements, `apply` puts a list of changes together from them, and nothing here
//! decides anything.

mod admin_keys;
mod apply;
mod atomic_replace;
mod backup;
mod clients;
mod connection;
mod counters;
mod create;
mod data;
mod error;
mod error_class;
mod events;
mod file_lock;
mod header;
mod keys;
mod log;
mod metadata;
mod new_file;
mod open;
mod purge;
mod reader;
mod restore;
mod row;
mod schema;
mod sessions;
mod state;
mod store;
mod sync_after_crash;
mod users;
mod write_request;
mod writer;

pub use error::{OpenError, RestoreError};
pub use restore::Restoring;
pub use store::SqliteStore;
