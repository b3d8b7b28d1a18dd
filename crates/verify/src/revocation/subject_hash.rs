//! Short keyed hashes of revocation subjects, so that a million of them fit into a flat table.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use crate::id::{ClientId, KeyId, SessionId, TokenId, UserId};
use crate::revocation::log::RevocationSubject;

/// The hash keys of this process, two of them for 128 bits. They are secret and random for each start, so
/// that an attacker cannot choose ids whose hashes collide.
static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);

/// The key of a subject in the tables: 128 bits of SipHash under the keys of this process. Among a million
/// subjects two collide with a probability of 2^-89.
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

    /// The hash of a subject; `None` for everyone, which is not an entry of a table.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_two_kinds_with_the_same_bytes_have_different_hashes() {
        let bytes = [7; 16];

        assert_ne!(
            SubjectHash::session(SessionId::from_bytes(bytes)),
            SubjectHash::token(TokenId::from_bytes(bytes)),
        );
    }
}
