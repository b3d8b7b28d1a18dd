//! The credentials that clients hold, and their text forms. This module does not depend on stored records.

pub mod access_token;
pub mod admin_key;
pub mod doctor_probe;
pub mod host_token;
pub mod password;
pub mod refresh_token;
pub mod service_key;
pub mod session_token;
pub mod verifier_key;

/// The text is not the canonical form of this kind of credential.
///
/// The error carries no position and no text: the input may be a secret with a typing error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a credential of this kind")]
pub struct MalformedCredential;
