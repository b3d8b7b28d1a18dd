//! The revocation feed: what the issuer sends to the verifiers that follow its revocation log, and how they follow it.
//!
//! ```text
//!   task        one task: carries out what the follower decides, publishes, reports
//!    |   |
//!    |  client  sends one poll after the other
//!    |
//!   follower    what to poll and to publish, and until when the verifier is fresh, without I/O
//!    |
//!   wire        the JSON of the feed, for issuer and verifier
//! ```

#[cfg(feature = "http")]
pub(crate) mod client;
#[cfg(feature = "http")]
pub(crate) mod error;
pub(crate) mod follower;
#[cfg(feature = "http")]
pub(crate) mod freshness;
#[cfg(feature = "http")]
pub(crate) mod options;
#[cfg(feature = "http")]
pub(crate) mod task;
pub(crate) mod wire;
