//! Fetches the signing keys of an issuer that runs elsewhere and keeps them current (feature `http`).
//!
//! ```text
//!   RemoteVerifier       verifies tokens; requests a refresh for an unknown key
//!         |
//!   JwksRefresher        one task: fetches keys, installs them, reports its status
//!      |        |
//!   RefreshPolicy  JwksClient    when to fetch, without I/O;  which documents, how to parse them
//!                      |
//!              crate::http_client   one GET within limits
//! ```

mod discovery;
pub(crate) mod error;
mod fetch;
pub(crate) mod options;
mod refresh_policy;
pub(crate) mod refresher;
pub(crate) mod remote_verifier;
pub(crate) mod remote_verifier_builder;
pub(crate) mod status;
