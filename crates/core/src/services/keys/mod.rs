//! Signing keys and refresh token keys: which are active, when the next one takes over, and how they are kept.

pub mod active_keys;
pub mod keyring;
pub mod rotation_schedule;
