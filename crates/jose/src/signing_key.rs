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
            Algorithm::Hs256 => return Self::from_secret_bytes(algorithm, &random::bytes::<32>()?),
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
