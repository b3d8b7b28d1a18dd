//! The keys that a verifier believes, found by their ids.

use crate::algorithm::Algorithm;
use crate::header::Header;
use crate::key_error::KeyError;
use crate::rejection::Rejection;
use crate::verifying_key::VerifyingKey;

/// Keys of one family, each with an id of its own.
///
/// ```
/// use counterfoil_jose::{Algorithm, KeySet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Ed25519)?;
/// let keys = KeySet::new([key.verifying_key()])?;
/// assert!(keys.find(key.kid()).is_some());
/// assert!(keys.find("another").is_none());
/// # Ok::<(), counterfoil_jose::KeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// The set of `keys`. A set without keys accepts no token.
    ///
    /// # Errors
    ///
    /// Two keys with one id; public keys and shared secrets together, since a public key could then
    /// be shown as a secret (RFC 8725, section 2.1).
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            if set.find(key.kid()).is_some() {
                return Err(KeyError::DuplicateKeyId);
            }
            if set.0.first().is_some_and(|first| first.is_symmetric() != key.is_symmetric()) {
                return Err(KeyError::MixedFamilies);
            }
            set.0.push(key);
        }
        Ok(set)
    }

    /// The key with this id, if there is one.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        // A ring has a handful of keys: comparing them all is faster than hashing one.
        self.0.iter().find(|key| key.kid() == kid)
    }

    /// The keys, in the order in which they were given.
    pub fn iter(&self) -> std::slice::Iter<'_, VerifyingKey> {
        self.0.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key, so that no token is accepted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key by which a token with this `header` is to be judged, if everything that the header
    /// says is in order: the algorithm, then the type (any, where `typ` is none), then the key.
    pub(crate) fn key_for(
        &self,
        header: &Header,
        allowed: &[Algorithm],
        typ: Option<&[&str]>,
    ) -> Result<&VerifyingKey, Rejection> {
        if !allowed.contains(&header.alg) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        if typ.is_some_and(|typ| !header.is_any_of(typ)) {
            return Err(Rejection::WrongType);
        }
        let key = self.named_by(header)?;
        if key.algorithm() == header.alg { Ok(key) } else { Err(Rejection::AlgorithmMismatch) }
    }

    /// Equality with the id of a loaded key is all that a `kid` is ever used for.
    fn named_by(&self, header: &Header) -> Result<&VerifyingKey, Rejection> {
        match &header.kid {
            Some(kid) => self.find(kid).ok_or(Rejection::UnknownKeyId),
            None => self.only().ok_or(Rejection::NoKeyId),
        }
    }

    /// The key, if there is exactly one.
    fn only(&self) -> Option<&VerifyingKey> {
        match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

impl<'a> IntoIterator for &'a KeySet {
    type Item = &'a VerifyingKey;
    type IntoIter = std::slice::Iter<'a, VerifyingKey>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::KeySet;
    use crate::algorithm::Algorithm;
    use crate::key_error::KeyError;
    use crate::signing_key::SigningKey;

    #[test]
    fn two_keys_with_one_id_are_no_set() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key();
        let error = KeySet::new([key.clone(), key]).unwrap_err();
        assert_eq!(error, KeyError::DuplicateKeyId);
    }

    #[test]
    fn public_keys_and_shared_secrets_are_never_in_one_set() {
        let public = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key();
        let shared = SigningKey::generate(Algorithm::Hs256).unwrap().verifying_key();
        for keys in [[public.clone(), shared.clone()], [shared, public]] {
            assert_eq!(KeySet::new(keys).unwrap_err(), KeyError::MixedFamilies);
        }
    }

    #[test]
    fn a_set_may_have_public_keys_of_several_algorithms() {
        let keys =
            [Algorithm::Es256, Algorithm::Ed25519].map(|a| SigningKey::generate(a).unwrap().verifying_key());
        let set = KeySet::new(keys.clone()).unwrap();
        assert_eq!(set.len(), 2);
        assert!(
            keys.iter()
                .all(|key| set.find(key.kid()).is_some_and(|found| found.algorithm() == key.algorithm()))
        );
    }
}
