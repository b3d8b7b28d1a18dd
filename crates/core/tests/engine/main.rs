//! The engine as a whole, through its public door, on a real store and with a told time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod active_keys;
mod administration;
mod harness;
mod key_rotation;
mod last_seen;
mod login_rate_limiter;
mod logins;
mod minting;
mod passwords;
mod persisted_data;
mod refresh;
mod restore;
mod session_cache;
mod user_import;
