//! The check of the signature of a token that a person inspects, and what the result means.
//!
//! The algorithm is the one that the token names, so the result is for display and never for decisions: a verifier has a list of
//! algorithms of its own. Public keys and shared secrets are never mixed (RFC 8725, section 2.1).

use counterfoil_jose::{Algorithm, Jws, JwsError, KeySet, UnverifiedJws, VerifyingKey};

use crate::operations::inspection::given_keys::{GivenKeys, KeyMaterial};
use crate::operations::inspection::inspected_token::{InspectedToken, is_unsigned};
use crate::runtime::error_chain::error_chain;

/// The most key ids that a sentence lists.
const MAX_LISTED_KEYS: usize = 5;

/// What the check of a signature has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureCheck {
    /// It is valid.
    Valid(CheckedKey),
    /// It is not that of this key and these bytes.
    Invalid(CheckedKey),
    /// It could not be checked.
    NotChecked {
        /// Why, as a clause.
        reason: String,
    },
}

/// The key with which a signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedKey {
    /// Its id; `None` for a secret, which has no id.
    pub id: Option<String>,
    /// Its algorithm.
    pub algorithm: Algorithm,
}

impl SignatureCheck {
    /// Checks the signature of `token` with the given keys. Claims are not checked.
    #[must_use]
    pub fn with_given_keys(token: &str, keys: &GivenKeys) -> Self {
        let jws = match Jws::parse(token) {
            Ok(jws) => jws,
            Err(error) => return Self::of_unparsed(token, &error),
        };
        let (algorithm, is_shared) = (jws.algorithm(), jws.algorithm().is_symmetric());
        match &keys.0 {
            KeyMaterial::KeySet(_) if is_shared => Self::NotChecked {
                reason: format!(
                    "{algorithm} signs with a shared secret, and a key set has public keys. A verifier that used a public key as \
                     the secret would accept tokens of everyone (RFC 8725, section 2.1)"
                ),
            },
            KeyMaterial::Secret(_) if !is_shared => Self::NotChecked {
                reason: format!(
                    "{algorithm} signs with a private key: give the key set of the issuer, not a secret"
                ),
            },
            KeyMaterial::KeySet(set) => match Self::with_keys(&jws, &set.to_key_set(&[algorithm])) {
                Err(JwsError::UnknownKeyId) => {
                    Self::unknown_key(&jws, set.keys.iter().map(|key| key.kid.as_deref()))
                }
                Err(error) => Self::not_checked(&error),
                Ok(check) => check,
            },
            KeyMaterial::Secret(secret) => {
                // The id that the token names selects nothing, as there is no other key.
                let id = jws.kid().unwrap_or("secret");
                let key = VerifyingKey::from_secret(algorithm, id, secret.expose());
                match key.and_then(|key| KeySet::new([key])) {
                    Ok(keys) => {
                        Self::with_keys(&jws, &keys).unwrap_or_else(|error| Self::not_checked(&error))
                    }
                    Err(error) => Self::NotChecked { reason: format!("the secret is not used: {error}") },
                }
            }
        }
    }

    /// The result for a token that says that it is unsigned, and `None` for others.
    #[must_use]
    pub fn of_unsigned(token: &UnverifiedJws) -> Option<Self> {
        let reason = "the token is unsigned (alg none), so no key can confirm its origin";
        is_unsigned(token).then(|| Self::NotChecked { reason: reason.to_owned() })
    }

    fn of_unparsed(token: &str, error: &JwsError) -> Self {
        let unsigned = match InspectedToken::parse(token) {
            Ok(InspectedToken::Jwt { token, .. }) => Self::of_unsigned(&token),
            _ => None,
        };
        unsigned.unwrap_or_else(|| Self::not_checked(error))
    }

    /// Checks the signature with keys of which each is for one algorithm.
    ///
    /// # Errors
    ///
    /// If no key is selected.
    pub(super) fn with_keys(jws: &Jws<'_>, keys: &KeySet) -> Result<Self, JwsError> {
        let algorithm = jws.algorithm();
        // Another type of token is among the problems that are listed.
        match jws.danger_verify_any_typ(keys, &[algorithm]) {
            Ok(verified) => Ok(Self::Valid(CheckedKey::new(&verified.kid, algorithm))),
            Err(JwsError::BadSignature) => {
                let of_algorithm =
                    keys.iter().find(|key| key.algorithm() == algorithm).map(VerifyingKey::kid);
                let id = jws.kid().or(of_algorithm).unwrap_or_default();
                Ok(Self::Invalid(CheckedKey::new(id, algorithm)))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn not_checked(error: &JwsError) -> Self {
        Self::NotChecked { reason: error_chain(error) }
    }

    fn unknown_key<'k>(jws: &Jws<'_>, ids: impl Iterator<Item = Option<&'k str>>) -> Self {
        let wanted = jws.kid().unwrap_or_default();
        let ids: Vec<&str> = ids.flatten().collect();
        if ids.contains(&wanted) {
            let reason = format!("the key {wanted} of the key set is not one for {}", jws.algorithm());
            return Self::NotChecked { reason };
        }
        let listed = ids.iter().take(MAX_LISTED_KEYS).map(|id| shortened(id)).collect::<Vec<_>>().join(", ");
        let more = if ids.len() > MAX_LISTED_KEYS { ", and others" } else { "" };
        let has = if ids.is_empty() { "keys without ids only".to_owned() } else { format!("{listed}{more}") };
        Self::NotChecked { reason: format!("the token names the key {wanted}, and the key set has {has}") }
    }

    /// Whether the signature is valid.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        matches!(self, Self::Valid(_))
    }

    /// The key, if the signature was checked.
    #[must_use]
    pub const fn key(&self) -> Option<&CheckedKey> {
        match self {
            Self::Valid(key) | Self::Invalid(key) => Some(key),
            Self::NotChecked { .. } => None,
        }
    }

    /// The result in one or two words.
    #[must_use]
    pub const fn summary(&self) -> &'static str {
        match self {
            Self::Valid(_) => "valid",
            Self::Invalid(_) => "not valid",
            Self::NotChecked { .. } => "not checked",
        }
    }

    /// What the result means, in sentences.
    #[must_use]
    pub fn explanation(&self) -> Vec<String> {
        match self {
            Self::Valid(key) if key.algorithm.is_symmetric() => vec![
                format!("The signature is valid: a holder of this secret has signed exactly these bytes with {}.", key.algorithm),
                "Each service that verifies with this secret can also sign with it, for every user and every role, and a token \
                 does not show which of them has made it. If one of them is broken into, or logs the secret, the tokens of all can \
                 be forged. With a key pair only the issuer can sign."
                    .to_owned(),
                NOT_ALL.to_owned(),
            ],
            Self::Valid(key) => vec![
                format!("The signature is valid: the holder of the private key to {key} has signed exactly these bytes."),
                "Services have the public key only: they can verify tokens and not sign them.".to_owned(),
                NOT_ALL.to_owned(),
            ],
            Self::Invalid(key) if key.algorithm.is_symmetric() => vec![
                format!(
                    "The signature is not valid with this secret and {}: the secret is another one, or the token was changed. Believe \
                     none of its claims.",
                    key.algorithm
                ),
                "The secret was used as it is: it was not decoded from base64 or hexadecimal.".to_owned(),
            ],
            Self::Invalid(key) => vec![format!(
                "The signature is not valid for {key}: the token was changed, or was signed with another key. Believe none of its \
                 claims."
            )],
            Self::NotChecked { reason } => vec![format!("The signature was not checked: {reason}.")],
        }
    }
}

/// What a valid signature does not show.
const NOT_ALL: &str =
    "That alone does not make the token acceptable: its times, its audience and revocations count too.";

/// Longer ids, up to the limit of a pasted text, are cut off.
fn shortened(id: &str) -> String {
    const MAX: usize = 64;
    if id.chars().count() <= MAX { id.to_owned() } else { id.chars().take(MAX).chain(['…']).collect() }
}

impl CheckedKey {
    fn new(id: &str, algorithm: Algorithm) -> Self {
        Self { id: (!algorithm.is_symmetric()).then(|| id.to_owned()), algorithm }
    }
}

impl std::fmt::Display for CheckedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.id {
            Some(id) => write!(f, "the key {id} ({})", self.algorithm),
            None => write!(f, "the secret ({})", self.algorithm),
        }
    }
}

#[cfg(test)]
mod tests {
    use counterfoil_jose::{JwkSet, SigningKey, base64url};

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn key_set(keys: &[&SigningKey]) -> GivenKeys {
        let keys = KeySet::new(keys.iter().map(|key| key.verifying_key())).unwrap();
        GivenKeys::from_key_set(JwkSet::from_key_set(&keys).to_json().as_bytes()).unwrap()
    }

    fn secret(bytes: &[u8]) -> GivenKeys {
        GivenKeys::from_secret(bytes).unwrap()
    }

    fn hmac_key() -> SigningKey {
        SigningKey::from_secret_bytes(Algorithm::Hs256, SECRET).unwrap()
    }

    fn reason(token: &str, keys: &GivenKeys) -> String {
        match SignatureCheck::with_given_keys(token, keys) {
            SignatureCheck::NotChecked { reason } => reason,
            other => panic!("{other:?}"),
        }
    }

    /// The token with another last byte of its payload.
    fn forged(token: &str) -> String {
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{}.{}", parts[0], base64url::encode(r#"{"sub":"root"}"#), parts[2])
    }

    #[test]
    fn a_signature_is_checked_with_the_key_that_the_token_names() {
        let [key, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
        let token = key.sign("at+jwt", br#"{"sub":"ada"}"#).unwrap();

        let valid = SignatureCheck::with_given_keys(&token, &key_set(&[&other, &key]));
        let expected = CheckedKey { id: Some(key.kid().to_owned()), algorithm: Algorithm::Es256 };
        assert_eq!(valid, SignatureCheck::Valid(expected.clone()));
        let said = valid.explanation().concat();
        assert!(
            said.contains(key.kid()) && said.contains("(ES256)") && said.contains("revocations"),
            "{said}"
        );

        let invalid = SignatureCheck::with_given_keys(&forged(&token), &key_set(&[&key]));
        assert_eq!(invalid, SignatureCheck::Invalid(expected));
        assert!(invalid.explanation()[0].contains("Believe none"), "{invalid:?}");
    }

    #[test]
    fn a_key_set_without_the_key_says_which_keys_it_has() {
        let [key, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
        let token = key.sign("at+jwt", b"{}").unwrap();

        let said = reason(&token, &key_set(&[&other]));
        assert!(said.contains(key.kid()) && said.contains(other.kid()), "{said}");
        let rsa_only = format!(r#"{{"kty":"RSA","kid":"{}","n":"AQAB","e":"AQAB"}}"#, key.kid());
        let said = reason(&token, &GivenKeys::from_key_set(rsa_only.as_bytes()).unwrap());
        assert!(said.ends_with("is not one for ES256"), "{said}");
        let many: Vec<String> =
            (0..400).map(|n| format!(r#"{{"kty":"RSA","kid":"{n}{}"}}"#, "x".repeat(100))).collect();
        let many = format!(r#"{{"keys":[{}]}}"#, many.join(","));
        let said = reason(&token, &GivenKeys::from_key_set(many.as_bytes()).unwrap());
        assert!(said.len() < 700 && said.ends_with("and others"), "{said}");
    }

    #[test]
    fn a_shared_secret_is_checked_and_its_risk_is_said() {
        let token = hmac_key().sign("at+jwt", b"{}").unwrap();

        let valid = SignatureCheck::with_given_keys(&token, &secret(SECRET));
        assert!(valid.is_valid() && valid.key().unwrap().id.is_none());
        let said = valid.explanation().concat();
        assert!(said.contains("can also sign") && said.contains("HS256"), "{said}");
        let another = SignatureCheck::with_given_keys(&token, &secret(&[b'x'; 32]));
        assert!(another.explanation().concat().contains("not decoded from base64"), "{another:?}");
        assert!(reason(&token, &secret(b"hunter2")).contains("at least 32 random bytes"));
    }

    /// An attacker who knows the public key signs with it as if it were a secret.
    #[test]
    fn public_keys_and_secrets_are_never_mixed() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let shared = hmac_key().sign("at+jwt", b"{}").unwrap();
        let signed = key.sign("at+jwt", b"{}").unwrap();

        assert!(reason(&shared, &key_set(&[&key])).contains("RFC 8725"));
        assert!(reason(&signed, &secret(SECRET)).contains("signs with a private key"));
        let pem = key.verifying_key().to_pem().unwrap();
        assert!(reason(&shared, &secret(pem.as_bytes())).contains("must be random bytes"));
    }

    #[test]
    fn an_unsigned_token_is_not_checked_with_any_key() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        for signature in ["AAAA", ""] {
            let unsigned = format!("{}.e30.{signature}", base64url::encode(r#"{"alg":"none"}"#));
            for keys in [key_set(&[&key]), secret(SECRET)] {
                let said = reason(&unsigned, &keys);
                assert_eq!(said, "the token is unsigned (alg none), so no key can confirm its origin");
            }
        }
        let unknown = format!("{}.e30.AAAA", base64url::encode(r#"{"alg":"ES999"}"#));
        assert_eq!(reason(&unknown, &secret(SECRET)), "the algorithm is not allowed");
    }
}
