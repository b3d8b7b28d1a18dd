//! The keys that a verifier trusts, selected by `kid`.

use crate::algorithm::Algorithm;
use crate::header::Header;
use crate::jws_error::JwsError;
use crate::key_error::KeyError;
use crate::verifying_key::VerifyingKey;

/// Keys with distinct ids: either public keys or shared secrets, never both. In the set of another issuer, keys for
/// different algorithms may have the same id.
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
    /// Makes a set of `keys`. An empty set accepts no token.
    ///
    /// # Errors
    ///
    /// [`KeyError::DuplicateKeyId`]; [`KeyError::SymmetricAndAsymmetric`], because an attacker could use a
    /// public key as an HMAC secret if a verifier accepts both (RFC 8725, section 2.1).
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            if set.find(key.kid()).is_some() {
                return Err(KeyError::DuplicateKeyId);
            }
            if set.0.first().is_some_and(|first| first.is_symmetric() != key.is_symmetric()) {
                return Err(KeyError::SymmetricAndAsymmetric);
            }
            set.0.push(key);
        }
        Ok(set)
    }

    /// A set of public keys, of which no two have both the same id and the same algorithm.
    pub(crate) fn from_unambiguous(keys: Vec<VerifyingKey>) -> Self {
        Self(keys)
    }

    /// The first key with this id, if there is one.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        // A set has few keys: comparing all ids is faster than hashing one.
        self.0.iter().find(|key| key.kid() == kid)
    }

    /// The keys, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, VerifyingKey> {
        self.0.iter()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty and accepts no token.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Selects the key for a token with this `header`. Checks first `alg`, then `typ` (not checked if
    /// `None`), then `kid`, then that the key is for `alg`.
    pub(crate) fn select(
        &self,
        header: &Header,
        allowed: &[Algorithm],
        typ: Option<&[&str]>,
    ) -> Result<&VerifyingKey, JwsError> {
        if !allowed.contains(&header.alg) {
            return Err(JwsError::AlgorithmNotAllowed);
        }
        if typ.is_some_and(|typ| !header.has_typ(typ)) {
            return Err(JwsError::WrongTyp);
        }
        self.find_for_header(header)
    }

    /// The key with the `kid` and the `alg` of the header, or the only key for that `alg`. A `kid` is only compared
    /// with the ids of loaded keys; it is never used as a path, a URL or a query.
    fn find_for_header(&self, header: &Header) -> Result<&VerifyingKey, JwsError> {
        let mut keys = self.0.iter().filter(|key| key.algorithm() == header.alg);
        let Some(kid) = &header.kid else {
            return match (keys.next(), keys.next()) {
                (Some(only), None) => Ok(only),
                (None, _) if self.len() == 1 => Err(JwsError::AlgorithmMismatch),
                (None | Some(_), _) => Err(JwsError::MissingKeyId),
            };
        };
        keys.find(|key| key.kid() == kid.as_str()).ok_or_else(|| match self.find(kid) {
            Some(_) => JwsError::AlgorithmMismatch,
            None => JwsError::UnknownKeyId,
        })
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
    use crate::header::Header;
    use crate::jws_error::JwsError;
    use crate::key_error::KeyError;
    use crate::signing_key::SigningKey;

    #[test]
    fn a_key_is_selected_by_id_and_algorithm_or_as_the_only_one_for_the_algorithm() {
        use Algorithm::{Ed25519, EdDsa, Es256, Es384};

        let key = |algorithm: Algorithm, kid: &str| {
            SigningKey::generate(algorithm).unwrap().verifying_key().with_kid(kid).unwrap()
        };
        let keys = [key(Es256, "a"), key(Ed25519, "a"), key(Es384, "b"), key(Es384, "c")];
        let all = KeySet::from_unambiguous(keys.to_vec());
        let one = KeySet::from_unambiguous(vec![key(Es256, "a")]);
        let select = |set: &KeySet, alg: Algorithm, kid: Option<&str>| {
            let header = Header { alg, kid: kid.map(str::to_owned), typ: None };
            set.select(&header, &Algorithm::ASYMMETRIC, None)
                .map(|key| (key.algorithm(), key.kid().to_owned()))
        };

        assert_eq!(select(&all, Es256, Some("a")), Ok((Es256, "a".into())));
        assert_eq!(select(&all, Ed25519, Some("a")), Ok((Ed25519, "a".into())));
        assert_eq!(select(&all, Ed25519, None), Ok((Ed25519, "a".into())));
        assert_eq!(select(&all, Es384, Some("c")), Ok((Es384, "c".into())));
        assert_eq!(select(&all, Es384, None), Err(JwsError::MissingKeyId));
        assert_eq!(select(&all, EdDsa, None), Err(JwsError::MissingKeyId));
        assert_eq!(select(&all, EdDsa, Some("a")), Err(JwsError::AlgorithmMismatch));
        assert_eq!(select(&all, Es256, Some("d")), Err(JwsError::UnknownKeyId));
        assert_eq!(select(&one, Ed25519, None), Err(JwsError::AlgorithmMismatch));
    }

    #[test]
    fn two_keys_with_the_same_id_are_rejected() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key();
        let error = KeySet::new([key.clone(), key]).unwrap_err();
        assert_eq!(error, KeyError::DuplicateKeyId);
    }

    #[test]
    fn public_keys_and_shared_secrets_cannot_be_mixed() {
        let public = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key();
        let shared = SigningKey::generate(Algorithm::Hs256).unwrap().verifying_key();
        for keys in [[public.clone(), shared.clone()], [shared, public]] {
            assert_eq!(KeySet::new(keys).unwrap_err(), KeyError::SymmetricAndAsymmetric);
        }
    }

    #[test]
    fn public_keys_for_different_algorithms_can_be_mixed() {
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
