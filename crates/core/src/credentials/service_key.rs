//! The key of a program: an id, and a secret of which only the hash is stored.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;

use counterfoil_jose::random::{self, RandomUnavailable};
use counterfoil_jose::{Secret, base64url, constant_time, digest};

use crate::credentials::MalformedCredential;

/// What a key is for. Keys of different kinds are different types, so that none is accepted for another.
pub trait ServiceKeyKind: Copy + fmt::Debug + Ord + Hash + Send + Sync + 'static {
    /// The prefix of every key of this kind.
    const PREFIX: &'static str;
    /// The name of the type of its keys, as `Debug` shows it.
    const NAME: &'static str;
}

/// The id of a key: sixteen random bytes, written as 22 characters of base64url. Not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKeyId<K>([u8; 16], PhantomData<K>);

impl<K> ServiceKeyId<K> {
    /// The id with these bytes, which must come from a cryptographic random generator.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl<K> fmt::Display for ServiceKeyId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl<K: ServiceKeyKind> fmt::Debug for ServiceKeyId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Id({self})", K::NAME)
    }
}

impl<K> FromStr for ServiceKeyId<K> {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        base64url::decode_exact(text).map(Self::from_bytes).map_err(|_| MalformedCredential)
    }
}

/// `<prefix><id>.<secret>`: the id of the record, and a secret of 32 random bytes.
///
/// It is written by `Display` and read by `FromStr`, which accepts only the canonical text. `Debug` shows only the id.
#[derive(Clone)]
pub struct ServiceKey<K> {
    id: ServiceKeyId<K>,
    secret: Secret<[u8; 32]>,
}

impl<K: ServiceKeyKind> ServiceKey<K> {
    /// The prefix of every key of this kind.
    pub const PREFIX: &'static str = K::PREFIX;

    /// Generates a key with a new id and a new secret.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness. No weaker source is used instead.
    pub fn generate() -> Result<Self, RandomUnavailable> {
        Ok(Self { id: ServiceKeyId::from_bytes(random::bytes()?), secret: Secret::new(random::bytes()?) })
    }

    /// The id of the record that this key claims. It proves nothing.
    pub fn id(&self) -> ServiceKeyId<K> {
        self.id
    }

    /// The hash that is stored. A stolen store contains no usable key.
    pub fn hash(&self) -> ServiceKeyHash<K> {
        ServiceKeyHash::from_bytes(digest::sha256(self.secret.expose()))
    }
}

impl<K: ServiceKeyKind> fmt::Display for ServiceKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}.{}", K::PREFIX, self.id, base64url::encode(self.secret.expose()))
    }
}

impl<K: ServiceKeyKind> FromStr for ServiceKey<K> {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let (id, secret) =
            text.strip_prefix(K::PREFIX).and_then(|rest| rest.split_once('.')).ok_or(MalformedCredential)?;
        let secret = base64url::decode_exact(secret).map_err(|_| MalformedCredential)?;
        Ok(Self { id: id.parse()?, secret: Secret::new(secret) })
    }
}

impl<K: ServiceKeyKind> fmt::Debug for ServiceKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", K::NAME, self.id)
    }
}

/// The SHA-256 of the secret of a key. The secret has 256 bits of entropy, so no salt is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceKeyHash<K>([u8; 32], PhantomData<K>);

impl<K> ServiceKeyHash<K> {
    /// The hash with these bytes, as read from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The bytes, as a store saves them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<K: ServiceKeyKind> ServiceKeyHash<K> {
    /// Whether `presented` has this hash. Takes the same time either way.
    pub fn matches(&self, presented: &ServiceKey<K>) -> bool {
        constant_time::equal(&self.0, &presented.hash().0)
    }
}
