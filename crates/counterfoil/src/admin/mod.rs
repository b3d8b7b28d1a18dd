//! Administration by an operator: a command in, a JSON answer out, through the socket or without a server.

mod admin_keys;
mod answer;
mod audit_log;
mod backups;
mod clients;
mod command;
mod dispatch;
mod error;
pub(crate) mod file_location;
mod keys;
mod master_key;
mod minting;
mod names;
mod nodes;
mod pagination;
mod rate_limits;
pub(crate) mod restore;
mod revocations;
mod sessions;
pub(crate) mod socket;
pub(crate) mod socket_address;
pub(crate) mod socket_client;
mod status;
pub(crate) mod store_check;
pub(crate) mod store_copy;
mod user_import;
mod users;
mod verifier_keys;

pub use audit_log::AuditFilterRequest;
pub use command::Command;
pub use error::AdminError;
pub use minting::TokenMintRequest;
