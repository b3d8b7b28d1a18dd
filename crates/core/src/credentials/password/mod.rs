//! A password on its way through, and what is kept of it.
//!
//! `typed` is the password, `hash` what is kept of it; a `params` says how one becomes the other, at what
//! `cost` and in which `workspace`.

mod argon2_memory;
mod cost;
pub mod foreign_hashes;
mod hash;
mod hash_params;
mod plaintext;

pub use self::argon2_memory::Argon2Memory;
pub use self::cost::Argon2Cost;
pub use self::hash::{PasswordHash, UnusableHash};
pub use self::plaintext::{PasswordFingerprint, PlaintextPassword};
