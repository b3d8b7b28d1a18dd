//! Signing keys and refresh token keys: which are active, when they rotate, and how they are stored.

pub mod active_keys;
pub mod keyring;
pub mod rotation_schedule;
