//! JWK sets: public keys as they are published and fetched (RFC 7517, section 5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{self, JsonError};
use crate::jwk::Jwk;
use crate::key_set::KeySet;
use crate::verifying_key::VerifyingKey;

/// A JWK set of public keys, as in `jwks.json`.
///
/// ```
/// use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Es256)?;
/// let published = JwkSet::from_key_set(&KeySet::new([key.verifying_key()])?).to_json();
///
/// let fetched = JwkSet::from_json(published.as_bytes())?.to_key_set(&[Algorithm::Es256]);
/// assert!(fetched.find(key.kid()).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// The public keys in `keys`, for publication. Shared secrets are left out.
    pub fn from_key_set(keys: &KeySet) -> Self {
        keys.iter().filter_map(VerifyingKey::jwk).collect()
    }

    /// The set as JSON, with the media type `application/jwk-set+json`.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of strings always serializes")
    }

    /// Parses a JWK set.
    ///
    /// Malformed keys and keys of an unknown type are skipped (RFC 7517, section 5).
    ///
    /// # Errors
    ///
    /// `json` is not strict JSON, or not an object with an array `keys`.
    pub fn from_json(json: &[u8]) -> Result<Self, JsonError> {
        #[derive(Deserialize)]
        struct Members {
            keys: Vec<Value>,
        }

        let members: Members = json::parse_object(json)?;
        let is_known = |key: &Jwk| ["AKP", "EC", "OKP", "RSA"].contains(&key.kty.as_str());
        Ok(members.keys.into_iter().filter_map(|key| Jwk::deserialize(key).ok()).filter(is_known).collect())
    }

    /// The keys of the set that can verify signatures with one of the `allowed` algorithms. A key without `alg` is for
    /// the only allowed algorithm that fits its type; if several fit, it is left out, as are keys that
    /// [`VerifyingKey::from_jwk`] rejects.
    ///
    /// Keys may share a `kid` if they are for different algorithms or uses (RFC 7517, section 4.5). Different keys with
    /// the same `kid` and algorithm are all left out, because a token could mean any of them.
    ///
    /// ```
    /// use counterfoil_jose::{Algorithm, JwkSet};
    ///
    /// // RFC 8037, appendix A.2, without `alg`.
    /// let set = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let set = JwkSet::from_json(set)?;
    /// assert_eq!(set.to_key_set(&[Algorithm::Rs256, Algorithm::Ed25519]).len(), 1);
    /// // Two names of one algorithm: it is not known with which of them the issuer signs.
    /// assert!(set.to_key_set(&[Algorithm::EdDsa, Algorithm::Ed25519]).is_empty());
    /// # Ok::<(), counterfoil_jose::JsonError>(())
    /// ```
    pub fn to_key_set(&self, allowed: &[Algorithm]) -> KeySet {
        let usable: Vec<VerifyingKey> = self
            .keys
            .iter()
            .filter_map(|jwk| VerifyingKey::from_jwk(jwk, Some(jwk.algorithm_among(allowed)?)).ok())
            .collect();
        let is_same = |one: &VerifyingKey, other: &VerifyingKey| {
            one.kid() == other.kid() && one.algorithm() == other.algorithm()
        };
        let is_unambiguous = |(at, key): &(usize, &VerifyingKey)| {
            let mut same = usable.iter().enumerate().filter(|(_, other)| is_same(key, other));
            // Of a key that is listed twice, the first one is taken.
            same.all(|(other_at, other)| *at <= other_at && key.jwk() == other.jwk())
        };
        KeySet::from_unambiguous(
            usable.iter().enumerate().filter(is_unambiguous).map(|(_, key)| key.clone()).collect(),
        )
    }
}

impl FromIterator<Jwk> for JwkSet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}
