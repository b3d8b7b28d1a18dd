//! Short keyed names of subjects, so that a million of them fit into a flat table.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::revocation::log::{RevocationPosition, RevocationSubject};

/// The keys of this process, two of them for 128 bits. They are secret and drawn anew at each
/// start, so that nobody can choose ids whose fingerprints meet.
static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

/// A subject's name in the tables: 128 bits of SipHash under the keys of this process. Two subjects
/// among a million share one with a probability of 2^-89.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubjectHash(u128);

impl SubjectHash {
    fn new(kind: u8, name: &[u8]) -> Self {
        let [high, low] = KEYS.each_ref().map(|keys| {
            let mut hasher = keys.build_hasher();
            hasher.write_u8(kind);
            hasher.write(name);
            hasher.finish()
        });
        Self(u128::from(high) << 64 | u128::from(low))
    }

    pub(crate) fn session(id: SessionId) -> Self {
        Self::new(b's', id.as_bytes())
    }

    pub(crate) fn token(id: TokenId) -> Self {
        Self::new(b't', id.as_bytes())
    }

    pub(crate) fn user(id: UserId) -> Self {
        Self::new(b'u', id.as_bytes())
    }

    pub(crate) fn client(id: &ClientId) -> Self {
        Self::new(b'c', id.as_str().as_bytes())
    }

    pub(crate) fn key(id: &KeyId) -> Self {
        Self::new(b'k', id.as_str().as_bytes())
    }

    /// The fingerprint of a subject; `None` for everyone, who is no entry of a table.
    pub(crate) fn for_subject(subject: &RevocationSubject) -> Option<Self> {
        Some(match subject {
            RevocationSubject::Session(id) => Self::session(*id),
            RevocationSubject::Token(id) => Self::token(*id),
            RevocationSubject::User(id) => Self::user(*id),
            RevocationSubject::Client(id) => Self::client(id),
            RevocationSubject::Key(id) => Self::key(id),
            RevocationSubject::Everyone => return None,
        })
    }

    pub(crate) const fn bits(self) -> u128 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

/// What the revocations are asked about one credential: the names by which it could have ended,
/// and the position at which it was minted.
///
/// It is made once, when a credential is verified, and looked up at each use.
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
    /// Of a credential that was minted when the head of the log was at `position`.
    pub const fn new(position: RevocationPosition) -> Self {
        Self { position, session: None, token: None, user: None, client: None, key: None }
    }

    /// It is of this session.
    #[must_use]
    pub fn session(mut self, id: SessionId) -> Self {
        self.session = Some(SubjectHash::session(id));
        self
    }

    /// It is this token.
    #[must_use]
    pub fn token(mut self, id: TokenId) -> Self {
        self.token = Some(SubjectHash::token(id));
        self
    }

    /// It is of this user.
    #[must_use]
    pub fn user(mut self, id: UserId) -> Self {
        self.user = Some(SubjectHash::user(id));
        self
    }

    /// It is of this client application.
    #[must_use]
    pub fn client(mut self, id: &ClientId) -> Self {
        self.client = Some(SubjectHash::client(id));
        self
    }

    /// It is signed by this key.
    #[must_use]
    pub fn key(mut self, id: &KeyId) -> Self {
        self.key = Some(SubjectHash::key(id));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_two_kinds_with_the_same_bytes_have_different_fingerprints() {
        let bytes = [7; 16];

        assert_ne!(
            SubjectHash::session(SessionId::from_bytes(bytes)),
            SubjectHash::token(TokenId::from_bytes(bytes)),
        );
    }
}
