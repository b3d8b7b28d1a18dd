//! The verifier key: the credential of a resource server that follows the revocation feed.

use std::fmt;
use std::str::FromStr;

use counterfoil_jose::random::{self, RandomUnavailable};
use counterfoil_jose::{Secret, base64url, constant_time, digest};

use crate::credentials::MalformedCredential;

/// The id of a verifier key: sixteen random bytes, written as 22 characters of base64url. Not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKeyId([u8; 16]);

impl VerifierKeyId {
    /// The id with these bytes, which must come from a cryptographic random generator.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for VerifierKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for VerifierKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKeyId({self})")
    }
}

impl FromStr for VerifierKeyId {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        base64url::decode_exact(text).map(Self).map_err(|_| MalformedCredential)
    }
}

/// `cfv_<id>.<secret>`: the id of the record, and a secret of 32 random bytes.
///
/// Only the feed accepts it. It is written by `Display` and read by `FromStr`, which
/// accepts only the canonical text. `Debug` shows only the id.
///
/// ```
/// use counterfoil_core::credentials::verifier_key::VerifierKey;
///
/// let key = VerifierKey::generate()?;
/// let presented: VerifierKey = key.to_string().parse()?;
/// assert!(key.hash().matches(&presented));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct VerifierKey {
    id: VerifierKeyId,
    secret: Secret<[u8; 32]>,
}

impl VerifierKey {
    /// The prefix of every verifier key.
    pub const PREFIX: &'static str = "cfv_";

    /// Generates a key with a new id and a new secret.
    ///
    /// # Errors
    ///
    /// If the operating system provides no randomness. No weaker source is used instead.
    pub fn generate() -> Result<Self, RandomUnavailable> {
        Ok(Self { id: VerifierKeyId(random::bytes()?), secret: Secret::new(random::bytes()?) })
    }

    /// The id of the record that this key claims. It proves nothing.
    pub fn id(&self) -> VerifierKeyId {
        self.id
    }

    /// The hash that is stored. A stolen store contains no usable verifier key.
    pub fn hash(&self) -> VerifierKeyHash {
        VerifierKeyHash(digest::sha256(self.secret.expose()))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}.{}", Self::PREFIX, self.id, base64url::encode(self.secret.expose()))
    }
}

impl FromStr for VerifierKey {
    type Err = MalformedCredential;

    fn from_str(text: &str) -> Result<Self, MalformedCredential> {
        let (id, secret) = text
            .strip_prefix(Self::PREFIX)
            .and_then(|rest| rest.split_once('.'))
            .ok_or(MalformedCredential)?;
        let secret = base64url::decode_exact(secret).map_err(|_| MalformedCredential)?;
        Ok(Self { id: id.parse()?, secret: Secret::new(secret) })
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({})", self.id)
    }
}

/// The SHA-256 of a verifier key's secret. The secret has 256 bits of entropy, so no salt is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierKeyHash([u8; 32]);

impl VerifierKeyHash {
    /// The hash with these bytes, as read from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a store saves them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `presented` has this hash. Takes the same time either way.
    pub fn matches(&self, presented: &VerifierKey) -> bool {
        constant_time::equal(&self.0, &presented.hash().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_of_a_verifier_key_parses() {
        let text = VerifierKey::generate().unwrap().to_string();
        assert!(text.parse::<VerifierKey>().is_ok());

        for bad in [
            text.to_uppercase(),
            format!("{text}="),
            format!(" {text}"),
            text.replace('.', ""),
            text.replace("cfv_", "cfs_"),
            text[..text.len() - 1].to_owned(),
            format!("{text}A"),
            String::new(),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secret_and_another_secret_does_not_match() {
        let (key, other) = (VerifierKey::generate().unwrap(), VerifierKey::generate().unwrap());
        let text = key.to_string();

        assert!(!format!("{key:?}").contains(text.split_once('.').unwrap().1));
        assert!(!key.hash().matches(&other));
    }
}
