//! The client's half: what is handed over, and how its text reads. Nothing here knows what is kept.

pub mod access_token;
pub mod admin_key;
pub mod password;
pub mod refresh_token;
pub mod session_token;

/// A text that is not the canonical form of a credential of ours.
///
/// It does not say where it went wrong: the text may be a secret with a typing error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a credential of this kind")]
pub struct MalformedCredential;
