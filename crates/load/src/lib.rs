//! Sends load to a server and measures it: the part of the lab and of the benchmarks that must be fast.
//!
//! The client must be faster than the server, and the bare handler of the measured server is what Counterfoil is compared
//! with. So this crate is optimised for speed in the released program; what plans a measurement and shows its report is not.
//!
//! ```text
//!   rig           the measured server, a service that verifies its tokens, and their clock
//!   client        closed loops, open loops, and single exchanges whose bytes are counted
//!   machine       cores, processor time and memory
//!   statistics
//! ```

pub mod client;
mod error;
pub mod machine;
pub mod rig;
pub mod statistics;

pub use error::LoadError;
