//! What the revocations are asked about one credential.

use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::revocation::log::RevocationPosition;
use crate::revocation::subject_hash::SubjectHash;

/// The subjects by which one credential can be revoked, and the position at which it was issued.
///
/// It is built once, when a credential is verified, and looked up at each use.
///
/// ```
/// use counterfoil_verify::{RevocationPosition, RevocationQuery, Revocations, SessionId};
///
/// let query = RevocationQuery::new(RevocationPosition::new(7)).session(SessionId::from_bytes([1; 16]));
/// assert!(Revocations::new().check(&query).revoked.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct RevocationQuery {
    pub(crate) position: RevocationPosition,
    pub(crate) session: Option<SubjectHash>,
    pub(crate) token: Option<SubjectHash>,
    pub(crate) user: Option<SubjectHash>,
    pub(crate) client: Option<SubjectHash>,
    pub(crate) key: Option<SubjectHash>,
}

impl RevocationQuery {
    /// For a credential that was issued when the head of the revocation log was at `position`.
    pub const fn new(position: RevocationPosition) -> Self {
        Self { position, session: None, token: None, user: None, client: None, key: None }
    }

    /// All subjects by which the credential can be revoked, apart from everyone.
    #[cfg(feature = "ended")]
    pub(crate) const fn subjects(&self) -> [Option<SubjectHash>; 5] {
        [self.session, self.token, self.user, self.client, self.key]
    }

    /// Adds the session of the credential.
    #[must_use]
    pub fn session(mut self, id: SessionId) -> Self {
        self.session = Some(SubjectHash::session(id));
        self
    }

    /// Adds the id of the access token.
    #[must_use]
    pub fn token(mut self, id: TokenId) -> Self {
        self.token = Some(SubjectHash::token(id));
        self
    }

    /// Adds the user of the credential.
    #[must_use]
    pub fn user(mut self, id: UserId) -> Self {
        self.user = Some(SubjectHash::user(id));
        self
    }

    /// Adds the client application of the credential.
    #[must_use]
    pub fn client(mut self, id: &ClientId) -> Self {
        self.client = Some(SubjectHash::client(id));
        self
    }

    /// Adds the key that signed the access token.
    #[must_use]
    pub fn key(mut self, id: &KeyId) -> Self {
        self.key = Some(SubjectHash::key(id));
        self
    }
}
