//! JOSE as one system needs it: few algorithms, one key for one algorithm, nothing lenient.
//!
//! The ground that everybody stands on. It knows no session, store or HTTP; it does no I/O and
//! is told the time.

pub mod secret;
pub mod time;

pub use secret::Secret;
pub use time::Time;
