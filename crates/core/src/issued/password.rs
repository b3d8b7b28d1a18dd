//! A password on its way through, and what is kept of it.
//!
//! `typed` is the password, `hash` what is kept of it; a `recipe` says how one becomes the other, at what
//! `cost` and in which `workspace`.

mod cost;
mod hash;
mod recipe;
mod typed;
mod workspace;

pub use self::cost::Cost;
pub use self::hash::{PasswordHash, Unusable};
pub use self::typed::{Fingerprint, Password};
pub use self::workspace::Workspace;
