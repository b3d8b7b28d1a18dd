//! What a request does, once for all entrances: the JSON routes, the admin socket and the embedding API parse, call one
//! function here, and answer.

pub(crate) mod activity;
#[cfg(feature = "admin")]
pub(crate) mod admin;
#[cfg(feature = "admin")]
pub(crate) mod advice;
pub(crate) mod application_users;
pub(crate) mod audit_log;
pub(crate) mod credential;
#[cfg(feature = "admin")]
pub(crate) mod doctor;
pub(crate) mod error;
pub(crate) mod external_id_schema;
pub(crate) mod forward_auth;
pub(crate) mod hash_capacity;
#[cfg(feature = "admin")]
pub(crate) mod inspection;
pub(crate) mod label;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod oauth;
pub(crate) mod pagination;
pub(crate) mod password;
pub(crate) mod presented_session;
pub(crate) mod recent_login;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod scope_limit;
pub(crate) mod session_data;
pub(crate) mod sessions;
pub(crate) mod token_exchange;
pub(crate) mod verifier_key;
pub(crate) mod views;
