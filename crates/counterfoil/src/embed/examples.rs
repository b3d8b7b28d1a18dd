//! Whole applications, which the tests of this crate run as they are.
//!
//! Their files are in the folder `examples` of the repository: copy one and change it.
//!
//! # Logins in all three modes
//!
//! ```
#![doc = include_str!("../../examples/embedded.rs")]
//! ```
//!
//! # The application's own login page
//!
//! ```
#![doc = include_str!("../../examples/login_page.rs")]
//! ```
//!
//! # Pages for signed-in users
//!
//! ```
#![doc = include_str!("../../examples/signed_in_pages.rs")]
//! ```
//!
//! # The application's own user table, in memory
//!
//! ```
#![doc = include_str!("../../examples/own_user_table.rs")]
//! ```
//!
//! # The application's own user table, in SQLite
//!
//! ```
#![doc = include_str!("../../examples/own_user_table_sqlite.rs")]
//! ```
//!
//! # Claims and roles
//!
//! ```
#![doc = include_str!("../../examples/custom_claims.rs")]
//! ```
//!
//! # Two audiences
//!
//! ```
#![doc = include_str!("../../examples/two_audiences.rs")]
//! ```
//!
//! # Tests of handlers
//!
//! ```
#![doc = include_str!("../../examples/testing_handlers.rs")]
//! ```
//!
//! # WebSockets
//!
//! ```
#![doc = include_str!("../../examples/websocket.rs")]
//! ```
//!
//! # Server-sent events
//!
//! ```
#![doc = include_str!("../../examples/server_sent_events.rs")]
//! ```
