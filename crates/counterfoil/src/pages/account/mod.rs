//! The pages of an account: devices, password, activity.

pub(super) mod activity;
pub(super) mod events;
pub(super) mod reuse;
pub(super) mod security;
pub(super) mod session;
pub(super) mod session_items;
pub(super) mod sessions;
