//! The services of the core through their public interface, on a SQLite store and with a fixed time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod active_keys;
mod administration;
mod cache_and_store;
mod configured_claims;
mod ended;
mod external_ids;
mod harness;
mod key_rotation;
mod last_seen;
mod login_rate_limiter;
mod logins;
mod minting;
mod name_spellings;
mod password_changes;
mod passwords;
mod persisted_data;
mod refresh;
mod requested_access;
mod restore;
mod session_cache;
mod session_ends;
mod session_lifetimes;
mod status_lists;
mod user_import;
mod usernames_in_tokens;
