//! The JSON of an access token that was verified.

use serde::{Deserialize, Serialize};

use counterfoil_verify::{AuthError, Principal};

/// The content of an access token that is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifiedTokenView {
    /// The user or the machine (`sub`).
    pub subject: String,
    /// The session (`sid`), if there is one.
    pub session: Option<String>,
    /// The client application, if there is one.
    pub client_id: Option<String>,
    /// The services that accept it (`aud`).
    pub audiences: Vec<String>,
    /// The scopes.
    pub scope: Vec<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// When it expires, in Unix seconds.
    pub expires_at: u64,
}

impl From<&Principal> for VerifiedTokenView {
    fn from(principal: &Principal) -> Self {
        Self {
            subject: principal.subject().to_owned(),
            session: principal.session_id().map(|id| id.to_string()),
            client_id: principal.client_id().map(ToString::to_string),
            audiences: principal.audiences().to_vec(),
            scope: principal.scopes().map(str::to_owned).collect(),
            roles: principal.roles().to_vec(),
            expires_at: principal.expires_at().unix_seconds(),
        }
    }
}

/// Why an access token is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenRejectionView {
    /// A stable code.
    pub reason: String,
    /// A sentence.
    pub detail: String,
    /// Whether no key in the key set has the id that the token names.
    pub is_unknown_key: bool,
}

impl From<&AuthError> for TokenRejectionView {
    fn from(error: &AuthError) -> Self {
        Self {
            reason: error.code().to_owned(),
            detail: error.reason().map_or_else(|| error.to_string(), ToString::to_string),
            is_unknown_key: error.is_unknown_key(),
        }
    }
}
