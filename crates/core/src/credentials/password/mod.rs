//! Passwords and their hashes.
//!
//! [`PlaintextPassword`] is what a user types, and [`PasswordHash`] is what is stored. [`Argon2Cost`] is the
//! cost of the hash, and [`Argon2Memory`] is the memory in which it is computed.

mod argon2_memory;
mod cost;
pub mod foreign_hashes;
mod hash;
mod hash_params;
mod plaintext;

pub use self::argon2_memory::Argon2Memory;
pub use self::cost::Argon2Cost;
pub use self::hash::PasswordHash;
pub use self::hash_params::UnusableHash;
pub use self::plaintext::{PasswordFingerprint, PlaintextPassword};
