//! What a principal keeps of the facts that were verified.

use std::sync::Arc;

use serde_json::{Map, Value};

use counterfoil_jose::Time;

use crate::credential::CredentialKind;
use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::interner::{share_list, share_text};
use crate::principal::parts::PrincipalParts;
use crate::revocation::log::RevocationPosition;
use crate::revocation::query::RevocationQuery;
use crate::status::reference::StatusListReference;

/// The facts of [`PrincipalParts`], apart from the times, in little memory: a process keeps one of these for each session or
/// token that it has verified. What the credentials of many users have in common is there once.
#[derive(Clone)]
pub(super) struct Facts {
    pub(super) credential_kind: CredentialKind,
    pub(super) user_id: Option<UserId>,
    pub(super) session_id: Option<SessionId>,
    pub(super) token_id: Option<TokenId>,
    pub(super) subject: Box<str>,
    pub(super) username: Option<Box<str>>,
    pub(super) client_id: Option<ClientId>,
    key_id: Option<KeyId>,
    pub(super) position: RevocationPosition,
    pub(super) token_fingerprint: Option<u64>,
    pub(super) authenticated_at: Option<Time>,
    pub(super) audiences: Arc<[String]>,
    pub(super) scope: Option<Arc<str>>,
    pub(super) roles: Arc<[String]>,
    pub(super) amr: Arc<[String]>,
    pub(super) acr: Option<Arc<str>>,
    pub(super) status_list: Option<Box<StatusListReference>>,
    /// `None` if there are none.
    pub(super) extra: Option<Box<Map<String, Value>>>,
}

impl Facts {
    /// By what the credential can be revoked.
    pub(super) fn revocation_query(&self) -> RevocationQuery {
        let mut query = RevocationQuery::new(self.position);
        query = self.session_id.into_iter().fold(query, RevocationQuery::session);
        query = self.token_id.into_iter().fold(query, RevocationQuery::token);
        query = self.user_id.into_iter().fold(query, RevocationQuery::user);
        query = self.client_id.iter().fold(query, RevocationQuery::client);
        self.key_id.iter().fold(query, RevocationQuery::key)
    }
}

impl From<PrincipalParts> for Facts {
    fn from(parts: PrincipalParts) -> Self {
        let shared = |text: String| share_text(text.into());
        Self {
            credential_kind: parts.credential_kind,
            user_id: parts.user_id,
            session_id: parts.session_id,
            token_id: parts.token_id,
            subject: parts.subject.into(),
            username: parts.username.map(String::into_boxed_str),
            client_id: parts.client_id.map(ClientId::shared),
            key_id: parts.key_id.map(KeyId::shared),
            position: parts.position,
            token_fingerprint: parts.token_fingerprint,
            authenticated_at: parts.authenticated_at,
            audiences: share_list(parts.audiences),
            scope: parts.scope.map(shared),
            roles: share_list(parts.roles),
            amr: share_list(parts.amr),
            acr: parts.acr.map(shared),
            status_list: parts.status_list.map(Box::new),
            extra: (!parts.extra.is_empty()).then(|| Box::new(parts.extra)),
        }
    }
}
