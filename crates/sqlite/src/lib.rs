//! The SQLite store: one locked file, one writer thread, a pool of reader connections.
//!
//! ```text
//!   commit, counters, purge ->  queue    ->  writer    one thread; one transaction and one sync for all queued
//!                                            |         requests; then the listeners, then the callers
//!   session, user, ...      ->  readers      |         on the caller's thread, one snapshot for each read
//!                                      \     |
//!                                       auth.db        locked by one process; a second one is refused
//! ```
//!
//! `file` creates, checks, opens and copies the database file, `tables` holds the SQL of each table, and
//! `apply` executes the row operations of a commit. Nothing in this crate decides whether a session or a token is
//! valid.

mod apply;
mod blocking_connection;
mod canonical_names;
mod check;
mod copy;
mod error;
mod error_class;
mod file;
mod list_lane;
mod reader_pool;
mod restore;
mod schema;
mod schema_check;
mod state;
#[cfg(test)]
mod statement_cost;
mod store;
mod tables;
mod write_request;
mod writer;

pub use check::SqliteInspection;
pub use copy::SqliteTables;
pub use error::{OpenError, RestoreError};
pub use file::lock_owner::LockOwner;
pub use restore::PendingRestore;
pub use store::SqliteStore;
