//! The doctor: decides from what was seen of a deployment what is wrong with it, and which line mends it.
//!
//! The decisions are pure functions from observations to rows. The command line observes a deployment as a client over the
//! network, and the page of the console by redirects of a browser; both use the same functions.

pub mod answers;
pub mod browser;
pub mod forwarding;
pub mod metadata;
pub(crate) mod probe;
pub mod row;
pub mod server_view;
pub mod transport;
