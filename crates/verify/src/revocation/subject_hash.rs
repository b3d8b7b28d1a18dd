//! Short keyed names of subjects, so that a million of them fit into a flat table.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::revocation::log::{Position, Subject};

/// The keys of this process, two of them for 128 bits. They are secret and drawn anew at each
/// start, so that nobody can choose ids whose fingerprints meet.
static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

/// A subject's name in the tables: 128 bits of SipHash under the keys of this process. Two subjects
/// among a million share one with a probability of 2^-89.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint(u128);

impl Fingerprint {
    fn of(kind: u8, name: &[u8]) -> Self {
        let [high, low] = KEYS.each_ref().map(|keys| {
            let mut hasher = keys.build_hasher();
            hasher.write_u8(kind);
            hasher.write(name);
            hasher.finish()
        });
        Self(u128::from(high) << 64 | u128::from(low))
    }

    pub(crate) fn session(id: SessionId) -> Self {
        Self::of(b's', id.as_bytes())
    }

    pub(crate) fn token(id: TokenId) -> Self {
        Self::of(b't', id.as_bytes())
    }

    pub(crate) fn user(id: UserId) -> Self {
        Self::of(b'u', id.as_bytes())
    }

    pub(crate) fn client(id: &ClientId) -> Self {
        Self::of(b'c', id.as_str().as_bytes())
    }

    pub(crate) fn key(id: &KeyId) -> Self {
        Self::of(b'k', id.as_str().as_bytes())
    }

    /// The fingerprint of a subject; `None` for everyone, who is no entry of a table.
    pub(crate) fn of_subject(subject: &Subject) -> Option<Self> {
        Some(match subject {
            Subject::Session(id) => Self::session(*id),
            Subject::Token(id) => Self::token(*id),
            Subject::User(id) => Self::user(*id),
            Subject::Client(id) => Self::client(id),
            Subject::Key(id) => Self::key(id),
            Subject::Everyone => return None,
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
/// use counterfoil_verify::{Position, Probe, Revocations, SessionId};
///
/// let probe = Probe::at(Position::new(7)).session(SessionId::from_bytes([1; 16]));
/// assert!(Revocations::new().probe(&probe).revoked.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Probe {
    pub(crate) position: Position,
    pub(crate) session: Option<Fingerprint>,
    pub(crate) token: Option<Fingerprint>,
    pub(crate) user: Option<Fingerprint>,
    pub(crate) client: Option<Fingerprint>,
    pub(crate) key: Option<Fingerprint>,
}

impl Probe {
    /// Of a credential that was minted when the head of the log was at `position`.
    pub const fn at(position: Position) -> Self {
        Self { position, session: None, token: None, user: None, client: None, key: None }
    }

    /// It is of this session.
    #[must_use]
    pub fn session(mut self, id: SessionId) -> Self {
        self.session = Some(Fingerprint::session(id));
        self
    }

    /// It is this token.
    #[must_use]
    pub fn token(mut self, id: TokenId) -> Self {
        self.token = Some(Fingerprint::token(id));
        self
    }

    /// It is of this user.
    #[must_use]
    pub fn user(mut self, id: UserId) -> Self {
        self.user = Some(Fingerprint::user(id));
        self
    }

    /// It is of this client application.
    #[must_use]
    pub fn client(mut self, id: &ClientId) -> Self {
        self.client = Some(Fingerprint::client(id));
        self
    }

    /// It is signed by this key.
    #[must_use]
    pub fn key(mut self, id: &KeyId) -> Self {
        self.key = Some(Fingerprint::key(id));
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
            Fingerprint::session(SessionId::from_bytes(bytes)),
            Fingerprint::token(TokenId::from_bytes(bytes)),
        );
    }
}
