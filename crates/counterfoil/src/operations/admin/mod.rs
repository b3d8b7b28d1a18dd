//! What administrators do, once for the routes and for the admin socket, which only parse and answer.

pub(crate) mod admin_keys;
pub(crate) mod audit_export;
pub(crate) mod audit_log;
pub(crate) mod clients;
pub(crate) mod clock;
pub(crate) mod event_names;
pub(crate) mod exposed_secret;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod nodes;
pub(crate) mod overview;
pub(crate) mod rate_limits;
pub(crate) mod requests;
pub(crate) mod responses;
pub(crate) mod revocation_log;
pub(crate) mod revocation_preview;
pub(crate) mod revocations;
pub(crate) mod sessions;
pub(crate) mod token_minting;
pub(crate) mod token_verification;
pub(crate) mod user_import;
pub(crate) mod users;
pub(crate) mod verifier_keys;
pub(crate) mod verifiers;
pub(crate) mod viewer;
pub(crate) mod views;
