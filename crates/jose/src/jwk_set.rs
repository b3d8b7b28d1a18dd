//! JWK sets: public keys as they are published and fetched (RFC 7517, section 5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{self, JsonError};
use crate::jwk::Jwk;
use crate::key_error::KeyError;
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
/// let fetched = JwkSet::from_json(published.as_bytes())?.to_key_set(None)?;
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
    /// Malformed keys and keys of an unknown type are skipped (RFC 7517, section 5). Keys with the same `kid`
    /// are all skipped, because a token could mean any of them.
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
        let keys: Vec<Jwk> =
            members.keys.into_iter().filter_map(|key| Jwk::deserialize(key).ok()).filter(is_known).collect();
        let has_unique_id =
            |key: &&Jwk| key.kid.is_none() || keys.iter().filter(|other| other.kid == key.kid).count() == 1;
        Ok(keys.iter().filter(has_unique_id).cloned().collect())
    }

    /// The keys of the set that can verify signatures. Keys that [`VerifyingKey::from_jwk`] rejects are left
    /// out. `expected` is the algorithm of keys without `alg`; keys with another `alg` are left out.
    ///
    /// # Errors
    ///
    /// [`KeyError::DuplicateKeyId`]: two keys have the same id.
    pub fn to_key_set(&self, expected: Option<Algorithm>) -> Result<KeySet, KeyError> {
        KeySet::new(self.keys.iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk, expected).ok()))
    }
}

impl FromIterator<Jwk> for JwkSet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}
