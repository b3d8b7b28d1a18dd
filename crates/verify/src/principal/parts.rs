//! The verified facts from which a principal is made.

use serde_json::{Map, Value};

use counterfoil_jose::Time;

use crate::credential::CredentialKind;
use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::revocation::log::RevocationPosition;
use crate::status::reference::StatusListReference;

/// The verified facts from which a [`Principal`](crate::Principal) is made.
///
/// It is public only for the crate that verifies session tokens.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct PrincipalParts {
    pub credential_kind: CredentialKind,
    pub subject: String,
    /// The subject as the id of one of the issuer's users, if it is one.
    pub user_id: Option<UserId>,
    pub session_id: Option<SessionId>,
    pub client_id: Option<ClientId>,
    pub token_id: Option<TokenId>,
    pub key_id: Option<KeyId>,
    pub position: RevocationPosition,
    /// Distinguishes the session token from a later one of the same session.
    pub token_fingerprint: Option<u64>,
    pub audiences: Vec<String>,
    /// Space-separated scopes; `None` if the credential is not limited by scope.
    pub scope: Option<String>,
    pub roles: Vec<String>,
    pub username: Option<String>,
    pub amr: Vec<String>,
    pub acr: Option<String>,
    pub authenticated_at: Option<Time>,
    pub not_before: Option<Time>,
    pub expires_at: Time,
    pub status_list: Option<StatusListReference>,
    pub extra: Map<String, Value>,
}

impl PrincipalParts {
    /// The required facts; all others are `None` or empty.
    pub fn new(credential_kind: CredentialKind, subject: impl Into<String>, expires_at: Time) -> Self {
        let subject = subject.into();
        Self {
            credential_kind,
            user_id: subject.parse().ok(),
            subject,
            session_id: None,
            client_id: None,
            token_id: None,
            key_id: None,
            position: RevocationPosition::START,
            token_fingerprint: None,
            audiences: Vec::new(),
            scope: None,
            roles: Vec::new(),
            username: None,
            amr: Vec::new(),
            acr: None,
            authenticated_at: None,
            not_before: None,
            expires_at,
            status_list: None,
            extra: Map::new(),
        }
    }
}
