//! The half of a key that signs.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::hmac::HmacKey;
use crate::jwk::Jwk;
use crate::key_error::KeyError;
use crate::random::{self, Unavailable};
use crate::rsa;
use crate::secret::Secret;
use crate::verifying_key::VerifyingKey;

/// A key that signs, for exactly one algorithm.
///
/// It is known by its RFC 7638 thumbprint; a shared secret by a tag that tells nothing of it.
/// `Debug` shows no more than that.
///
/// ```
/// use counterfoil_jose::{Algorithm, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Ed25519)?;
/// let kept = key.to_secret_bytes();
/// let again = SigningKey::from_secret_bytes(Algorithm::Ed25519, kept.expose())?;
/// assert_eq!(again.kid(), key.kid());
/// # Ok::<(), counterfoil_jose::KeyError>(())
/// ```
pub struct SigningKey {
    material: Material,
    verifying: VerifyingKey,
}

enum Material {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hs256 { key: HmacKey, secret: Secret<Vec<u8>> },
    Rs256(RsaKeyPair),
}

/// Why nothing was signed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// `typ` is not a media type; a program asked for it, no client.
    #[error("the type of a token is a media type")]
    BadType,
    /// The token would be longer than a verifier reads.
    #[error("the token would be longer than 8 KiB")]
    TooLong,
    /// The library could not sign.
    #[error("the key could not sign")]
    Failed,
}

impl SigningKey {
    /// A new key. For RS256 it has 3072 bits, and making it takes up to a second or so.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let material = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Material::Es256),
            Algorithm::Ed25519 => Ed25519KeyPair::generate().map(Material::Ed25519),
            Algorithm::Hs256 => {
                let secret = Secret::new(random::bytes::<32>()?);
                return Self::from_secret_bytes(algorithm, secret.expose());
            }
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa3072).map(Material::Rs256),
        };
        Self::new(material.map_err(|_| Unavailable)?)
    }

    /// The key of bytes that were kept: PKCS#8 in DER, or the secret itself for HS256.
    ///
    /// # Errors
    ///
    /// The bytes are not such a key, or it is too weak ([`VerifyingKey::from_jwk`] says what is).
    pub fn from_secret_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let material = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).map(Material::Es256)
            }
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(bytes).map(Material::Ed25519),
            Algorithm::Hs256 => {
                Ok(Material::Hs256 { key: HmacKey::new(bytes), secret: Secret::new(bytes.to_vec()) })
            }
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(bytes).map(Material::Rs256),
        };
        Self::new(material.map_err(|_| KeyError::Malformed(algorithm))?)
    }

    fn new(material: Material) -> Result<Self, KeyError> {
        let verifying = match &material {
            Material::Hs256 { key, secret } => VerifyingKey::from_hmac_secret(&key_id(key), secret.expose())?,
            Material::Es256(pair) => {
                VerifyingKey::from_jwk(&ec_jwk(pair.public_key().as_ref()), Some(Algorithm::Es256))?
            }
            Material::Ed25519(pair) => {
                VerifyingKey::from_jwk(&okp_jwk(pair.public_key().as_ref()), Some(Algorithm::Ed25519))?
            }
            Material::Rs256(pair) => {
                VerifyingKey::from_jwk(&rsa_jwk(pair.public_key().as_ref())?, Some(Algorithm::Rs256))?
            }
        };
        Ok(Self { material, verifying })
    }

    /// The bytes to seal and keep: see [`SigningKey::from_secret_bytes`].
    pub fn to_secret_bytes(&self) -> Secret<Vec<u8>> {
        const INVARIANT: &str = "a key that was made or read can be written";
        match &self.material {
            Material::Es256(pair) => Secret::new(pair.to_pkcs8v1().expect(INVARIANT).as_ref().to_vec()),
            Material::Ed25519(pair) => Secret::new(pair.to_pkcs8v1().expect(INVARIANT).as_ref().to_vec()),
            Material::Hs256 { secret, .. } => secret.clone(),
            Material::Rs256(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().expect(INVARIANT);
                Secret::new(der.as_ref().to_vec())
            }
        }
    }

    /// The one algorithm that this key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The id by which tokens name this key.
    pub fn kid(&self) -> &str {
        self.verifying.kid()
    }

    /// The half that verifies.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// Signs `claims`: a compact JWS whose header is exactly `typ`, `alg` and `kid`.
    ///
    /// The caller chooses `claims` byte for byte, so never let a client do so (RFC 8725, section 3.12).
    ///
    /// # Errors
    ///
    /// `typ` is not a media type, the token would be too long to be verified, or the library failed.
    pub fn sign(&self, typ: &str, claims: &[u8]) -> Result<String, SignError> {
        if !is_media_type(typ) {
            return Err(SignError::BadType);
        }
        // Neither name needs escaping: a media type has no quotes, our key ids are base64url.
        let header =
            format!("{{\"typ\":\"{typ}\",\"alg\":\"{}\",\"kid\":\"{}\"}}", self.algorithm(), self.kid());
        let mut token = String::with_capacity((header.len() + claims.len()) * 4 / 3 + 700);
        base64url::encode_onto(header, &mut token);
        token.push('.');
        base64url::encode_onto(claims, &mut token);
        self.append_signature(&mut token)?;
        if token.len() > crate::jws::MAX_LENGTH { Err(SignError::TooLong) } else { Ok(token) }
    }

    fn append_signature(&self, token: &mut String) -> Result<(), SignError> {
        let failed = |_| SignError::Failed;
        let random = SystemRandom::new();
        let message = token.as_bytes();
        let signature = match &self.material {
            Material::Es256(pair) => base64url::encode(pair.sign(&random, message).map_err(failed)?),
            Material::Ed25519(pair) => base64url::encode(pair.try_sign(message).map_err(failed)?),
            Material::Hs256 { key, .. } => base64url::encode(key.tag(&[message])),
            Material::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                base64url::encode(signature)
            }
        };
        token.push('.');
        token.push_str(&signature);
        Ok(())
    }
}

/// The id of a shared secret. A thumbprint would be a digest of the secret, published (RFC 7638,
/// section 7); this is a tag under it, which tells nothing.
fn key_id(key: &HmacKey) -> String {
    base64url::encode(key.tag(&[b"counterfoil key id"]))
}

/// Whether `typ` consists of characters that a media type may have (RFC 6838, section 4.2).
fn is_media_type(typ: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte);
    (1..=127).contains(&typ.len()) && typ.bytes().all(allowed)
}

fn text(bytes: &[u8]) -> Option<String> {
    Some(base64url::encode(bytes))
}

/// The public key of an uncompressed point: a byte 4, then x and y.
fn ec_jwk(point: &[u8]) -> Jwk {
    let (x, y) = point[1..].split_at(32);
    Jwk { kty: "EC".to_owned(), crv: Some("P-256".to_owned()), x: text(x), y: text(y), ..Jwk::default() }
}

fn okp_jwk(x: &[u8]) -> Jwk {
    Jwk { kty: "OKP".to_owned(), crv: Some("Ed25519".to_owned()), x: text(x), ..Jwk::default() }
}

fn rsa_jwk(der: &[u8]) -> Result<Jwk, KeyError> {
    let (n, e) = rsa::components(der).ok_or(KeyError::Malformed(Algorithm::Rs256))?;
    Ok(Jwk { kty: "RSA".to_owned(), n: text(n), e: text(e), ..Jwk::default() })
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid())
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, KeyError, SignError, SigningKey};

    fn is_shared<T: Send + Sync>() {}

    #[test]
    fn keys_are_shared_between_threads() {
        is_shared::<SigningKey>();
        is_shared::<crate::VerifyingKey>();
        is_shared::<crate::SealingKey>();
    }

    #[test]
    fn a_key_that_was_kept_is_the_same_key() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap();
            let again = SigningKey::from_secret_bytes(algorithm, key.to_secret_bytes().expose()).unwrap();
            assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));

            let token = again.sign("at+jwt", b"{}").unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = crate::base64url::decode(signature).unwrap();
            assert!(key.verifying_key().is_signed(signed.as_bytes(), &signature));
        }
    }

    #[test]
    fn a_key_is_read_only_for_its_own_algorithm() {
        let kept = SigningKey::generate(Algorithm::Es256).unwrap().to_secret_bytes();
        for other in [Algorithm::Ed25519, Algorithm::Rs256] {
            let error = SigningKey::from_secret_bytes(other, kept.expose()).unwrap_err();
            assert_eq!(error, KeyError::Malformed(other));
        }
        assert!(SigningKey::from_secret_bytes(Algorithm::Es256, &kept.expose()[1..]).is_err());
    }

    #[test]
    fn the_header_is_type_algorithm_and_key_and_nothing_else() {
        let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
        let token = key.sign("at+jwt", b"{}").unwrap();
        let header = crate::base64url::decode(token.split('.').next().unwrap()).unwrap();

        let expected = format!("{{\"typ\":\"at+jwt\",\"alg\":\"Ed25519\",\"kid\":\"{}\"}}", key.kid());
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }

    #[test]
    fn a_type_that_is_no_media_type_is_not_signed() {
        let key = SigningKey::generate(Algorithm::Hs256).unwrap();
        for typ in ["", "a b", "a\"", "a\",\"alg\":\"none", "a\\", "a\n", "é", &"a".repeat(128)] {
            assert_eq!(key.sign(typ, b"{}").unwrap_err(), SignError::BadType, "{typ:?}");
        }
    }

    #[test]
    fn the_id_of_a_shared_secret_is_no_digest_of_it() {
        let key = SigningKey::from_secret_bytes(Algorithm::Hs256, &[7; 32]).unwrap();
        let thumbprint =
            crate::digest::sha256(br#"{"k":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","kty":"oct"}"#);
        assert_ne!(key.kid(), crate::base64url::encode(thumbprint));
        assert_ne!(key.kid(), crate::base64url::encode(crate::digest::sha256(&[7; 32])));
        assert_eq!(key.kid().len(), 43);
    }
}
