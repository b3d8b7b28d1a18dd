//! Keys that a person gives to check the signature of one token: a key set, or a shared secret.

use counterfoil_jose::json::{self, JsonError, Value};
use counterfoil_jose::{JwkSet, Secret};

/// The longest key set in bytes. That of an issuer with a hundred RSA keys is shorter.
pub const MAX_KEY_SET_LENGTH: usize = 64 * 1024;

/// The longest secret in bytes. The longest hash has 64.
pub const MAX_SECRET_LENGTH: usize = 1024;

/// The members of a JWK that are secret (RFC 7518, section 6; RFC 9964). Everyone who knows them can sign.
const SECRET_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv", "k"];

/// The keys for the check of one signature. Debug output hides a secret.
#[derive(Debug)]
pub struct GivenKeys(pub(super) KeyMaterial);

/// What was given.
#[derive(Debug)]
pub(super) enum KeyMaterial {
    /// Public keys.
    KeySet(JwkSet),
    /// A secret that the issuer shares with its verifiers.
    Secret(Secret<Vec<u8>>),
}

/// Why a text is no key set, or no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenKeysError {
    /// It was not parsed.
    #[error("the key set has more than {} KiB", MAX_KEY_SET_LENGTH / 1024)]
    KeySetTooLong,
    /// Not JSON, or without an array `keys`.
    #[error("this is not a key set in JSON, such as {{\"keys\": [...]}}: {0}")]
    NotAKeySet(JsonError),
    /// A key has secret members.
    #[error(
        "the key set contains a private key or a secret, with which everyone who knows it can sign: give the public keys only"
    )]
    SecretMembers,
    /// No key is of a known type.
    #[error("the key set has no public key of a known type (EC, OKP, RSA or AKP)")]
    NoKey,
    /// It was not used.
    #[error("the secret has more than {MAX_SECRET_LENGTH} bytes")]
    SecretTooLong,
}

impl GivenKeys {
    /// The public keys of a JWK set (RFC 7517, section 5), or of a single JWK.
    ///
    /// A set with a private key is refused rather than used: it is a mistake to hand it out, and its owner learns of it here.
    ///
    /// # Errors
    ///
    /// If the text is too long, is no key set, has secret members, or has no key that can verify.
    pub fn from_key_set(text: &[u8]) -> Result<Self, GivenKeysError> {
        if text.len() > MAX_KEY_SET_LENGTH {
            return Err(GivenKeysError::KeySetTooLong);
        }
        let value: Value = json::parse_object(text).map_err(GivenKeysError::NotAKeySet)?;
        let set = if value.get("kty").is_some() { serde_json::json!({ "keys": [value] }) } else { value };
        let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        if keys.iter().any(|key| SECRET_MEMBERS.iter().any(|name| key.get(name).is_some())) {
            return Err(GivenKeysError::SecretMembers);
        }
        let set = JwkSet::from_json(set.to_string().as_bytes()).map_err(GivenKeysError::NotAKeySet)?;
        if set.keys.is_empty() { Err(GivenKeysError::NoKey) } else { Ok(Self(KeyMaterial::KeySet(set))) }
    }

    /// A shared secret: the bytes as they are, without decoding.
    ///
    /// # Errors
    ///
    /// If it is too long.
    pub fn from_secret(bytes: &[u8]) -> Result<Self, GivenKeysError> {
        if bytes.len() > MAX_SECRET_LENGTH {
            return Err(GivenKeysError::SecretTooLong);
        }
        Ok(Self(KeyMaterial::Secret(Secret::new(bytes.to_vec()))))
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::{Algorithm, KeySet, SigningKey};

    use super::*;

    fn public_key() -> String {
        let key = SigningKey::generate(Algorithm::Es256).unwrap().verifying_key();
        JwkSet::from_key_set(&KeySet::new([key]).unwrap()).to_json()
    }

    fn error(text: &str) -> Option<GivenKeysError> {
        GivenKeys::from_key_set(text.as_bytes()).err()
    }

    #[test]
    fn a_key_set_or_one_key_is_accepted() {
        let set = public_key();
        assert_eq!(error(&set), None);
        let one = set.strip_prefix("{\"keys\":[").unwrap().strip_suffix("]}").unwrap();
        assert_eq!(error(one), None);
    }

    #[test]
    fn what_is_no_set_of_public_keys_is_refused() {
        let private = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"BB"}]}"#;
        let shared = r#"{"kty":"oct","k":"AA"}"#;
        for (text, expected) in [
            (private, GivenKeysError::SecretMembers),
            (shared, GivenKeysError::SecretMembers),
            (r#"{"keys":[]}"#, GivenKeysError::NoKey),
            (r#"{"keys":[{"kty":"XYZ"},7]}"#, GivenKeysError::NoKey),
            (&" ".repeat(MAX_KEY_SET_LENGTH + 1), GivenKeysError::KeySetTooLong),
        ] {
            assert_eq!(error(text), Some(expected), "{}", &text[..text.len().min(60)]);
        }
        let nested = format!("{{\"keys\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        for text in [
            "",
            "[]",
            "{}",
            "{\"keys\":7}",
            "-----BEGIN PUBLIC KEY-----",
            "{\"keys\":[],\"keys\":[]}",
            &nested,
        ] {
            assert!(matches!(error(text), Some(GivenKeysError::NotAKeySet(_))), "{text}");
        }
    }

    #[test]
    fn a_secret_has_a_limit_and_is_not_shown() {
        assert!(GivenKeys::from_secret(&[b'x'; MAX_SECRET_LENGTH]).is_ok());
        assert_eq!(
            GivenKeys::from_secret(&[b'x'; MAX_SECRET_LENGTH + 1]).err(),
            Some(GivenKeysError::SecretTooLong)
        );
        let shown = format!("{:?}", GivenKeys::from_secret(b"hunter2"));
        assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
    }
}
