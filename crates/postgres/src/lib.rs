//! The PostgreSQL store: one connection that writes, and a pool of connections that read.
//!
//! ```text
//!   commit, counters, purge ->  queue  ->  writer     one connection; one transaction for all queued requests;
//!                                            |        then the listeners, then the callers
//!   session, user, ...      ->  pool         |        one statement and one snapshot for each read
//!   renew, join, leave      ->  node         |        one connection that renews and listens
//!                                      \     |
//!                                      PostgreSQL     an advisory lock: one transaction of all processes at a time
//! ```
//!
//! `writer_connection` makes the connection that writes, `tables` holds the SQL of each table, `apply` executes the row
//! operations of a commit, and `statement` sends statements together. Nothing in this crate decides whether a session or a
//! token is valid.

mod appended_entries;
mod apply;
mod canonical_names;
mod check;
mod connection;
mod copy;
mod error;
mod error_class;
mod hosts;
mod lock_holders;
mod migration;
#[cfg(all(feature = "next-schema", debug_assertions))]
mod next_schema;
mod node_connection;
mod reader_pool;
mod schema;
mod server_check;
mod session_probe;
mod standby_warning;
mod state;
mod statement;
#[cfg(test)]
mod statement_plans;
mod store;
mod store_lock;
mod supersession;
mod tables;
mod timeline;
mod tls_error;
mod url;
mod write_request;
mod writer;
mod writer_connection;

pub use check::PostgresInspection;
pub use copy::{Existence, PostgresTables};
pub use error::OpenError;
pub use standby_warning::{DurabilityWarning, durability_warning};
pub use store::PostgresStore;
pub use url::{PostgresUrl, UrlError};
