//! A list of public keys as it is published and fetched (RFC 7517, section 5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{self, JsonError};
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::key_set::KeySet;
use crate::verifying_key::VerifyingKey;

/// Public keys as JSON: what `jwks.json` holds.
///
/// ```
/// use counterfoil_jose::{Algorithm, JwkSet, KeySet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Es256)?;
/// let published = JwkSet::of(&KeySet::new([key.verifying_key()])?).to_json();
///
/// let fetched = JwkSet::from_json(published.as_bytes())?.key_set(None)?;
/// assert!(fetched.find(key.kid()).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// What to publish of `keys`: all public ones. Shared secrets leave no trace.
    pub fn of(keys: &KeySet) -> Self {
        keys.iter().filter_map(VerifyingKey::jwk).collect()
    }

    /// The text to publish, as `application/jwk-set+json`.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text members always serialize")
    }

    /// Reads a foreign set.
    ///
    /// Keys of unknown type, or malformed, are skipped as RFC 7517 section 5 says. Of keys that share
    /// a `kid` none is kept: to choose one would be a guess.
    ///
    /// # Errors
    ///
    /// The text is not strict JSON, or not an object with an array `keys`.
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        #[derive(Deserialize)]
        struct Shown {
            keys: Vec<Value>,
        }

        let shown: Shown = json::object(text)?;
        let known = |key: &Jwk| ["AKP", "EC", "OKP", "RSA"].contains(&key.kty.as_str());
        let keys: Vec<Jwk> =
            shown.keys.into_iter().filter_map(|key| Jwk::deserialize(key).ok()).filter(known).collect();
        let is_alone =
            |key: &&Jwk| key.kid.is_none() || keys.iter().filter(|other| other.kid == key.kid).count() == 1;
        Ok(keys.iter().filter(is_alone).cloned().collect())
    }

    /// The keys of the set that can verify. Those that are for something else, or weak, are left out.
    ///
    /// # Errors
    ///
    /// Two keys have the same id.
    pub fn key_set(&self, configured: Option<Algorithm>) -> Result<KeySet, KeyError> {
        KeySet::new(self.keys.iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk, configured).ok()))
    }
}

impl FromIterator<Jwk> for JwkSet {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}
