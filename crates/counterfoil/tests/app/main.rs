//! Tests of the whole application through its public API: startup, admin commands, serving and embedding.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acts_for_users;
mod admin_commands;
mod application_users;
mod application_users_sqlite;
mod base_path;
mod client;
mod clock_jumps;
#[cfg(feature = "postgres")]
mod cut_off_node;
mod embedding;
mod examples;
mod feed_document;
mod fixture;
mod followers;
mod issuer;
mod login_from_handlers;
mod long_lived_connections;
mod master_key_replacement;
mod password_changes;
mod permission_layers;
mod readiness;
mod remote_verifiers;
mod request_limits;
mod require_sign_in;
mod shutdown;
mod startup;
